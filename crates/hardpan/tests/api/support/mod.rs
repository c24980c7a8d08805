//! A whole server in process, over a database of its own.
mod audit;
mod browser;
mod chromium;
mod client;
mod codes;
mod contract;
mod example;
mod factor;
mod letters;
mod promise;
mod soft_key;
mod target;
mod twilio;
mod world;

pub use audit::{Audit, Entry};
pub use browser::Browser;
pub use chromium::Chromium;
pub use client::{Answer, Request, all};
pub use codes::{PAUSE, PHONE, wrong_code};
pub use contract::CODES;
pub use example::{valid, valid_body, wrong};
pub use factor::Authenticator;
pub use letters::{Letter, letters_in};
pub use soft_key::SoftKey;
pub use target::Targets;
pub use twilio::{ACCOUNT, Twilio, on_both_with_twilio, published};
pub use world::{Key, MASTER_KEY, PASSWORD, PRODUCTION, Person, TestApp, on_both, on_both_apps, on_both_with, person};
