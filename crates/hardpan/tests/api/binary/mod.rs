//! The program itself: started as people start it, spoken to over a socket.
mod commands;
mod imports;
mod migrate;
mod notes;
mod plans;
mod production;
pub mod program;
mod transfer;
