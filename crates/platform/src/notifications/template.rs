//! The messages there are, in one place: what each is called and what it needs.

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    VerifyEmail,
    Register,
    ResetPassword,
    EmailChangedOld,
    EmailChangeNew,
    PasswordChanged,
    LoginCode,
    NewDevice,
    ImpossibleTravel,
    FactorAdded,
    FactorRemoved,
    Invitation,
    AccountExists,
    IdentityLinked,
    ApiKeyCreated,
    BackupCodesMade,
    SmsCode,
}

/// The files of a message, as they are built in.
pub(super) struct Files {
    /// `Subject: ...`, an empty line, the text. An SMS has the text alone.
    pub text: &'static str,
    /// Absent for an SMS.
    pub html: Option<&'static str>,
}

macro_rules! mail {
    ($name:literal) => {
        Files {
            text: include_str!(concat!("templates/", $name, ".txt")),
            html: Some(include_str!(concat!("templates/", $name, ".html"))),
        }
    };
}

impl Template {
    pub const ALL: [Self; 17] = [
        Self::VerifyEmail,
        Self::Register,
        Self::ResetPassword,
        Self::EmailChangedOld,
        Self::EmailChangeNew,
        Self::PasswordChanged,
        Self::LoginCode,
        Self::NewDevice,
        Self::ImpossibleTravel,
        Self::FactorAdded,
        Self::FactorRemoved,
        Self::Invitation,
        Self::AccountExists,
        Self::IdentityLinked,
        Self::ApiKeyCreated,
        Self::BackupCodesMade,
        Self::SmsCode,
    ];

    /// As its files are called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::Register => "register",
            Self::ResetPassword => "reset_password",
            Self::EmailChangedOld => "email_changed_old",
            Self::EmailChangeNew => "email_change_new",
            Self::PasswordChanged => "password_changed",
            Self::LoginCode => "login_code",
            Self::NewDevice => "new_device",
            Self::ImpossibleTravel => "impossible_travel",
            Self::FactorAdded => "factor_added",
            Self::FactorRemoved => "factor_removed",
            Self::Invitation => "invitation",
            Self::AccountExists => "account_exists",
            Self::IdentityLinked => "identity_linked",
            Self::ApiKeyCreated => "api_key_created",
            Self::BackupCodesMade => "backup_codes_made",
            Self::SmsCode => "sms_code",
        }
    }

    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|template| template.name() == name)
    }

    /// What it cannot be written without. `valid_for` is as `24 hours`; `at`, with `device` and `address` where they are known, comes
    /// from [`event`](super::Notifications::event). Every template also has `app_name`, `app_url` and `app_host`.
    pub const fn values(self) -> &'static [&'static str] {
        match self {
            Self::VerifyEmail | Self::ResetPassword | Self::EmailChangeNew | Self::Invitation => &["link", "valid_for"],
            Self::Register => &["link", "valid_for", "at"],
            Self::EmailChangedOld => &["new_email", "link", "valid_for"],
            Self::LoginCode | Self::SmsCode => &["code", "valid_for"],
            Self::PasswordChanged | Self::NewDevice | Self::BackupCodesMade => &["at"],
            Self::FactorAdded | Self::FactorRemoved => &["factor", "at"],
            Self::ImpossibleTravel => &["country", "last_country", "last_at", "kilometres", "at"],
            Self::AccountExists => &["link"],
            Self::IdentityLinked => &["provider", "at"],
            Self::ApiKeyCreated => &["label", "at"],
        }
    }

    /// What it can use besides, and does without.
    pub(super) const OPTIONAL: [&'static str; 3] = ["device", "address", "inviter"];

    pub const fn is_sms(self) -> bool {
        matches!(self, Self::SmsCode)
    }

    pub(super) const fn files(self) -> Files {
        match self {
            Self::VerifyEmail => mail!("verify_email"),
            Self::Register => mail!("register"),
            Self::ResetPassword => mail!("reset_password"),
            Self::EmailChangedOld => mail!("email_changed_old"),
            Self::EmailChangeNew => mail!("email_change_new"),
            Self::PasswordChanged => mail!("password_changed"),
            Self::LoginCode => mail!("login_code"),
            Self::NewDevice => mail!("new_device"),
            Self::ImpossibleTravel => mail!("impossible_travel"),
            Self::FactorAdded => mail!("factor_added"),
            Self::FactorRemoved => mail!("factor_removed"),
            Self::Invitation => mail!("invitation"),
            Self::AccountExists => mail!("account_exists"),
            Self::IdentityLinked => mail!("identity_linked"),
            Self::ApiKeyCreated => mail!("api_key_created"),
            Self::BackupCodesMade => mail!("backup_codes_made"),
            Self::SmsCode => Files { text: include_str!("templates/sms_code.txt"), html: None },
        }
    }
}
