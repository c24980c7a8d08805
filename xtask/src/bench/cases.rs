//! The lists that are measured, and the index that serves each.
use super::{
    measure::PAGE,
    table::{Table, Who},
};

/// Key and value; `{folder}` is one of the large owner's folders.
type Parameter = (&'static str, &'static str);

pub struct Case {
    pub name: &'static str,
    pub who: Who,
    query: &'static [Parameter],
    pub index: &'static str,
}

const fn case(name: &'static str, who: Who, query: &'static [Parameter], index: &'static str) -> Case {
    Case { name, who, query, index }
}

/// What is left when the declared indexes are gone.
pub const PRIMARY_KEY: &str = "id";

const OLDEST_FIRST: Parameter = ("sort", "created_at");
const NEWEST_FIRST: Parameter = ("sort", "-created_at");
const BY_FAVOURITE: Parameter = ("sort", "favourite,created_at");
const FAVOURITES: Parameter = ("filter", "record.favourite == true");
const OPEN: Parameter = ("filter", "record.status == 'open'");
const IN_A_FOLDER: Parameter = ("filter", "record.folder == '{folder}'");

/// Through the rule that says who may read, by an index.
pub const OWN_NEWEST_FIRST: Case = case("own, newest first", Who::Large, &[NEWEST_FIRST], "owner_id, created_at");

/// A reader's are of the whole table, the large owner's of a tenth of it, the small one's of 200 rows.
pub const CASES: [Case; 13] = [
    case("all", Who::Reader, &[], PRIMARY_KEY),
    case("all, oldest first", Who::Reader, &[OLDEST_FIRST], "created_at"),
    case("all, newest first", Who::Reader, &[NEWEST_FIRST], "created_at"),
    case("all that are open, newest first", Who::Reader, &[OPEN, NEWEST_FIRST], "status, created_at"),
    case("all in a folder", Who::Reader, &[IN_A_FOLDER], "folder"),
    case("own", Who::Large, &[], "owner_id"),
    case("own, oldest first", Who::Large, &[OLDEST_FIRST], "owner_id, created_at"),
    OWN_NEWEST_FIRST,
    case("own favourites, newest first", Who::Large, &[FAVOURITES, NEWEST_FIRST], "owner_id, favourite, created_at"),
    case("own, by favourite and age", Who::Large, &[BY_FAVOURITE], "owner_id, favourite, created_at"),
    case("own in a folder", Who::Large, &[IN_A_FOLDER], "owner_id, folder"),
    case("own, of 200", Who::Small, &[], "owner_id"),
    case("own, of 200, newest first", Who::Small, &[NEWEST_FIRST], "owner_id, created_at"),
];

impl Case {
    /// The list as `table` serves it, in pages of `limit`.
    pub fn path(&self, table: &Table, limit: u64) -> String {
        let parameters = self.query.iter().map(|(key, value)| {
            let value = value.replace("{folder}", &table.folder);
            format!("&{key}={}", encoded(&value))
        });
        format!("/api/v1/documents?limit={limit}{}", parameters.collect::<String>())
    }

    pub fn first_page(&self, table: &Table) -> String {
        self.path(table, PAGE)
    }
}

/// As it may stand in a query.
fn encoded(value: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let encode = |byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    value.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_in_a_query() {
        assert_eq!(encoded("record.a == 'b'"), "record.a%20%3D%3D%20%27b%27");
        assert_eq!(encoded("-created_at"), "-created_at");
    }
}
