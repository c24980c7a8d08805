//! A stored hash: our own, or one that another program made and an import brought.
use kernel::{Result, Secret};
use unicode_normalization::UnicodeNormalization as _;

use super::{
    argon::{Argon, Memory},
    foreign::Foreign,
};

/// What an Argon2 hash of another program is told from our own by. Django writes it so; an import puts it in front.
const FOREIGN: &str = "argon2";

/// A stored hash.
#[derive(Debug)]
pub(super) enum Stored {
    /// Of a normalised password.
    Own(Argon),
    /// The same function, but of a password as it was typed.
    ForeignArgon(Argon),
    Foreign(Foreign),
}

/// What trying a password showed.
#[derive(Debug)]
pub struct Verified {
    pub is_right: bool,
    /// The hash to store instead, when the password is right and the stored one is not as we make them today.
    pub renewed: Option<String>,
}

impl Stored {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix(FOREIGN) {
            Some(phc) => Argon::parse(phc).map(Self::ForeignArgon),
            None if text.starts_with("$argon2") => Argon::parse(text).filter(Argon::may_be_own).map(Self::Own),
            None => Foreign::parse(text).map(Self::Foreign),
        }
    }

    /// How the hash of another program is kept. None for what can never be verified here.
    pub(super) fn adopt(text: &str) -> Option<String> {
        let kept = if text.starts_with("$argon2") { format!("{FOREIGN}{text}") } else { text.to_owned() };
        Self::parse(&kept).map(|_| kept)
    }

    pub(super) fn verify(&self, password: &Secret<String>, memory: &mut Memory) -> Result<bool> {
        match self {
            Self::Own(own) => own.verify(&normalised(password), memory),
            Self::ForeignArgon(argon) => argon.verify(password, memory),
            Self::Foreign(foreign) => {
                memory.count();
                foreign.verify(password)
            }
        }
    }

    /// Whether it is as we would make it today.
    pub(super) fn is_current(&self) -> bool {
        matches!(self, Self::Own(own) if own.is_current())
    }

    /// Whether trying it takes less time than one of our own, so that an answer would come sooner than for no account at all.
    pub(super) fn is_cheap(&self) -> bool {
        match self {
            Self::Own(argon) | Self::ForeignArgon(argon) => argon.is_cheap(),
            Self::Foreign(foreign) => foreign.is_cheap(),
        }
    }
}

/// Looks alike, is alike: a password typed on another keyboard or system still fits (NFKC, as NIST SP 800-63B recommends).
pub(super) fn normalised(password: &Secret<String>) -> Secret<String> {
    let text = password.expose();
    if text.is_ascii() { password.clone() } else { Secret::new(text.nfkc().collect()) }
}
