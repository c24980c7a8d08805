//! What leaves the server: mail, short messages, and the outbox as health shows it.
mod letters;
mod sink;
mod smtp;
mod tls;
mod twilio;
