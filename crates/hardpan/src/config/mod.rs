//! Configuration: one table of keys, four layers, every problem in one report. The only part that reads the environment.
mod build;
mod check;
mod database_url;
mod dotenv;
mod environment;
mod file;
mod finding;
mod inputs;
mod kept_key;
mod keys;
mod kind;
mod load;
mod master_key;
mod model;
mod names;
mod profile;
mod providers;
mod reference;
mod resolve;
#[cfg(test)]
mod scene;
mod secrets;
mod setting;
mod starter;
mod suggest;
#[cfg(test)]
mod tests;
mod url;

pub use file::NAME as APP_FILE;
pub use finding::{Finding, Level, Report};
pub use inputs::Inputs;
pub use kept_key::make_private_folder;
pub use load::{Loaded, load};
pub use master_key::{MasterKey, VARIABLE as MASTER_KEY, encode as encode_master_key, generate as generate_master_key};
pub use model::{
    App, Auth, Config, Cors, Database, Limits, Log, LogFormat, Mail, Oauth, Outbound, Provider, Rate, Redis,
    Registration, Server, Sms, Twilio,
};
pub use profile::Profile;
pub use reference::reference;
pub use setting::Origin;
pub use starter::{DOTENV, IGNORED, app_file, app_name, dotenv_example};
