//! The command line.

use std::net::{IpAddr, Ipv4Addr};

use clap::{Args, Parser, Subcommand};
use jiff::tz::TimeZone;

/// The operator's page of maskcount: footfall and mask share over the day, for all cameras of a site.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows a generated market: three cameras, today from 8:00 to 12:30 and the two weeks before.
    Demo(Listen),
}

/// Where and to whom the page is served.
#[derive(Debug, Args)]
pub struct Listen {
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 8008)]
    pub port: u16,
    /// Address to listen on; another than this machine's own needs --token-file or --behind-proxy.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub address: IpAddr,
    /// Time zone of the days, e.g. Europe/Paris; the system's if it is not given.
    #[arg(long, value_parser = time_zone)]
    pub time_zone: Option<TimeZone>,
}

fn time_zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| format!("there is no time zone \"{name}\"; names are like Europe/Paris"))
}
