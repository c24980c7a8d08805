//! Types of the accounts.
use kernel::{
    FieldError, Role, Secret, Timestamp, UserId,
    schema::{Field, Kind},
};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value as Json;

/// Longest display name, in characters.
pub(super) const NAME_MAX: usize = 200;
/// Longest user name, in characters.
pub(crate) const USERNAME_MAX: usize = 64;
/// Most that preferences may take, written compactly.
pub(super) const PREFERENCES_MAX: usize = 16 * 1024;

/// Whether somebody may log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Active,
    /// Shut out until an administrator says otherwise.
    Suspended,
}

impl State {
    pub const ALL: [Self; 2] = [Self::Active, Self::Suspended];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}

/// A person's account as its owner and administrators see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct User {
    pub id: UserId,
    pub email: String,
    /// Whether the person proved that the address is theirs.
    pub email_verified: bool,
    pub has_second_factor: bool,
    pub username: Option<String>,
    pub name: Option<String>,
    /// Whatever the app keeps for this person; an object.
    pub preferences: Json,
    #[serde(serialize_with = "names")]
    pub roles: Vec<Role>,
    pub state: State,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Grows with every change of the above.
    pub version: i64,
}

impl User {
    /// Whether this person may log in and stay logged in.
    pub fn is_active(&self) -> bool {
        self.state == State::Active
    }
}

fn names<S: Serializer>(roles: &[Role], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(roles.iter().map(|role| &**role))
}

/// An account to create.
#[derive(Clone)]
pub struct NewAccount {
    pub email: String,
    pub password: Secret<String>,
    pub username: Option<String>,
    pub name: Option<String>,
}

/// A new account that was checked.
pub(crate) struct Prepared<'a> {
    pub email: &'a str,
    pub username: Option<&'a str>,
    pub name: Option<&'a str>,
    /// None: nobody can log in by a password until one is set.
    pub password_hash: Option<&'a str>,
    /// Whether it is known that the address is its owner's.
    pub is_email_proven: bool,
}

impl<'a> Prepared<'a> {
    /// As it was asked for, with nothing proven.
    pub fn of(new: &'a NewAccount, password_hash: &'a str) -> Self {
        Self {
            email: &new.email,
            username: new.username.as_deref(),
            name: new.name.as_deref(),
            password_hash: Some(password_hash),
            is_email_proven: false,
        }
    }
}

/// What people name themselves by at log-in.
#[derive(Clone)]
pub enum Identifier {
    Email(String),
    Username(String),
}

/// What a log-in is tried against.
pub struct Credentials {
    pub user_id: UserId,
    pub password_hash: Option<String>,
}

/// What of a new account is wrong, but for its password.
pub(super) fn check_profile(new: &NewAccount) -> Vec<FieldError> {
    let email = Some(Json::from(new.email.as_str()));
    let fields = [
        (email_field(), email),
        (username_field(), new.username.as_deref().map(Json::from)),
        (name_field(), new.name.as_deref().map(Json::from)),
    ];
    let wrong = fields.into_iter().filter_map(|(field, value)| {
        let (code, message) = field.parse(&value?).err()?;
        Some(FieldError::new(field.name, code, message))
    });
    wrong.chain(new.username.as_deref().and_then(check_username)).collect()
}

/// User names are plain enough that no two look alike and none can be taken for an address.
pub(super) fn check_username(username: &str) -> Option<FieldError> {
    let is_plain = username.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    (!is_plain).then(|| FieldError::new("username", "format", "must have letters, digits, '.', '_' and '-' alone"))
}

/// How addresses and user names are told apart: case does not matter. Both are ASCII by their checks.
pub(crate) fn canonical(text: &str) -> String {
    text.to_ascii_lowercase()
}

pub(crate) fn email_field() -> Field {
    Field::required("email", Kind::Email)
}

pub(crate) fn username_field() -> Field {
    Field::optional("username", Kind::Text { min: 1, max: USERNAME_MAX })
        .describe("Letters, digits, '.', '_' and '-'; case does not matter")
}

pub(crate) fn name_field() -> Field {
    Field::optional("name", Kind::Text { min: 1, max: NAME_MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_field_is_named() {
        let new = |email: &str, username: &str, name: &str| NewAccount {
            email: email.to_owned(),
            password: Secret::new(String::new()),
            username: Some(username.to_owned()),
            name: Some(name.to_owned()),
        };
        let wrong = |new| check_profile(&new).into_iter().map(|error| error.field).collect::<Vec<_>>();
        assert_eq!(wrong(new("Ann@Example.com", "Ann.B-c_1", "Ann")), [] as [&str; 0]);
        assert_eq!(wrong(new("ann", "", "")), ["email", "username", "name"]);
        for username in ["ann@example.com", "änn", "a b", "a\0"] {
            assert!(wrong(new("a@b.c", username, "Ann")).contains(&"username".to_owned()), "{username:?}");
        }
    }
}
