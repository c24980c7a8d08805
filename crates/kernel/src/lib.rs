//! The vocabulary every other crate shares: ids, time, values, errors, actors, schemas and rules. Pure: no I/O, no driver, no transport.
pub mod actor;
pub mod duration;
pub mod error;
pub mod id;
pub mod json;
mod merge_patch;
pub mod page;
pub mod permission;
pub mod random;
pub mod rule;
pub mod schema;
pub mod scope;
pub mod secret;
pub mod time;
pub mod value;

pub use actor::{Actor, Credential, Method, Principal, Proof, Role, StepUp, Strength};
pub use error::{Code, Error, FieldError, Result};
pub use id::{ApiKeyId, AuditId, DeviceId, FactorId, Id, IdentityId, InvitationId, PasskeyId, SessionId, UserId};
pub use merge_patch::merge_patch;
pub use page::{Limit, Page};
pub use permission::{Permission, Permissions};
pub use random::{OsRandom, Random, SeededRandom};
pub use scope::{Operation, Scope};
pub use secret::Secret;
pub use time::{Clock, ManualClock, SystemClock, Timestamp};
pub use value::Value;

pub use rust_decimal::Decimal;
pub use uuid::Uuid;
