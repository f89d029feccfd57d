//! What other systems get: metrics for Prometheus, a text file for its node exporter, messages for an MQTT broker.

pub mod announce;
pub mod link;
pub mod metrics;
pub mod mqtt;
pub mod textfile;
