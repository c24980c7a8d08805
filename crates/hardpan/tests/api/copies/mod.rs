//! Backups, restoring them, and moving from one database to another: with the program, and on both engines.
mod app;
mod backup;
mod damage;
mod relocate;
mod restore;
