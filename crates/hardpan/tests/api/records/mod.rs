//! The routes of declared resources.
mod audit;
mod conditions;
mod create;
mod delete;
mod expressions;
mod fields;
mod get;
mod list;
mod parallel;
mod references;
mod rules;
mod update;
mod walk;
