//! The rule language (CEL subset).
