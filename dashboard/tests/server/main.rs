//! The real binary, on sidecar files in temporary folders, with real peers: Prometheus and mosquitto of Debian.
//! One binary for all, since linking takes longer than running.

mod announcing;
mod broker;
mod common;
mod connections;
mod damage;
mod folders;
mod merging;
mod metrics;
mod notice;
mod records;
mod serving;
mod store;
