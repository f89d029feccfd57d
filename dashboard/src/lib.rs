//! The operator's page of maskcount: reads the plugin's sidecar files of any number of cameras, merges the cameras of a
//! site, shows footfall and mask share over the day, and hands both on to other systems.
//!
//! Records go one way: folder → record → history → merged day → page, metrics, broker.

pub mod cli;
pub mod config;
pub mod demo;
pub mod feeds;
pub mod history;
pub mod intake;
pub mod merge;
pub mod notice;
pub mod record;
pub mod server;
pub mod sidecar;
pub mod store;
