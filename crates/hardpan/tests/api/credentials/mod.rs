//! Addresses and passwords: links that work once, and what ends when they are used.
mod email_change;
mod invitations;
mod pages;
mod password;
mod recovery;
mod reset;
mod single_use;
mod verify;
mod verify_first;

pub use reset::rows;
use serde_json::{Value as Json, json};

use crate::support::{Letter, Person, Request, TestApp};

impl TestApp {
    /// The newest of the letters to an address with this subject, of which there is one.
    pub async fn letter(&self, email: &str, subject: &str) -> Letter {
        let mut letters = self.letters_to(email).await;
        letters.retain(|letter| letter.subject.contains(subject));
        assert_eq!(letters.len(), 1, "{subject} to {email}: {letters:?}");
        letters.remove(0)
    }

    pub fn forgot(&self, email: &str) -> Request {
        self.post("/auth/v1/password/forgot", &json!({"email": email}))
    }

    pub fn reset(&self, token: &str, password: &str) -> Request {
        self.post("/auth/v1/password/reset", &json!({"token": token, "password": password}))
    }

    pub fn verify_email(&self, token: &str) -> Request {
        self.post("/auth/v1/email/verify", &json!({"token": token}))
    }

    /// A token that sets the password of this account.
    pub async fn reset_token(&self, email: &str) -> String {
        self.forgot(email).send().await.expect(202);
        self.letter(email, RESET).await.token()
    }

    /// Follows the link of the registration.
    pub async fn prove(&self, email: &str) {
        let token = self.letter(email, VERIFY).await.token();
        self.verify_email(&token).send().await.expect(204);
    }

    pub async fn me(&self, person: &Person) -> Json {
        self.get("/auth/v1/me").bearer(&person.token).send().await.expect(200).json()
    }

    /// A log-in with a password.
    pub fn log_in(&self, email: &str, password: &str) -> Request {
        self.post("/auth/v1/login", &json!({"email": email, "password": password}))
    }
}

pub const RESET: &str = "Reset your password";
pub const VERIFY: &str = "Confirm your email address";
pub const NEW_PASSWORD: &str = "another battery staple horse";
