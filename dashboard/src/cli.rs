//! The command line.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::tz::TimeZone;

use crate::feeds::link::{self, Broker, Version};
use crate::intake::log;
use crate::server::Access;

/// The operator's page of maskcount: footfall and mask share over the day, for all cameras of a site.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Reads the sidecar files of cameras, serves the page, and hands the figures on to other systems.
    Serve(Box<Serve>),
    /// Shows a generated market: three cameras, today from 8:00 to 12:30 and the two weeks before.
    Demo(Listen),
    /// Prints the sign for the people who pass the camera, as an A4 page in HTML.
    Notice(Notice),
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
    /// Only who shows the token in the first line of this file may ask (letters, digits, `-`, `_`; 16 or more).
    #[arg(long, value_name = "FILE", conflicts_with = "behind_proxy")]
    pub token_file: Option<PathBuf>,
    /// A reverse proxy in front of this server decides who may ask.
    #[arg(long)]
    pub behind_proxy: bool,
    /// Time zone of the days, e.g. Europe/Paris; the system's if it is not given.
    #[arg(long, value_parser = time_zone)]
    pub time_zone: Option<TimeZone>,
}

#[derive(Debug, Args)]
pub struct Serve {
    /// Folders of sidecar files (*.json); each record says its site and camera.
    #[arg(required_unless_present = "config")]
    pub folders: Vec<PathBuf>,
    /// TOML file that names the sites, their cameras and the folder of each.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// SQLite file that keeps every record; without it one whose sidecar is gone stays until the next start.
    #[arg(long, value_name = "FILE")]
    pub store: Option<PathBuf>,
    /// File in a folder of the node exporter's text file collector.
    #[arg(long, value_name = "FILE.prom")]
    pub textfile: Option<PathBuf>,
    #[command(flatten)]
    pub mqtt: Mqtt,
    #[command(flatten)]
    pub listen: Listen,
}

#[derive(Debug, Args)]
pub struct Mqtt {
    /// Broker: mqtt://HOST[:1883], or mqtts://HOST[:8883] for TLS.
    #[arg(long, value_name = "ADDRESS", requires = "store", requires = "mqtt_client")]
    pub mqtt: Option<String>,
    /// Name of this program at the broker; each program needs one of its own.
    #[arg(long, value_name = "NAME")]
    pub mqtt_client: Option<String>,
    /// Version of the protocol.
    #[arg(long, value_enum, default_value_t = Version::V3)]
    pub mqtt_version: Version,
    /// First level of the topics.
    #[arg(long, value_name = "TOPIC", default_value = "maskcount", value_parser = prefix)]
    pub mqtt_prefix: String,
    /// Certificates (PEM) that the broker's is checked against, instead of the system's.
    #[arg(long, value_name = "FILE")]
    pub mqtt_ca: Option<PathBuf>,
    /// User name at the broker.
    #[arg(long, value_name = "NAME", requires = "mqtt_password_file")]
    pub mqtt_user: Option<String>,
    /// File whose first line is the password.
    #[arg(long, value_name = "FILE", requires = "mqtt_user")]
    pub mqtt_password_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Notice {
    /// The place, as people call it, e.g. "Marché Forville".
    #[arg(long)]
    pub site: String,
    /// Who counts, e.g. "Ville de Cannes".
    #[arg(long)]
    pub operator: String,
    /// Where to ask and object: an address, e-mail or telephone number.
    #[arg(long)]
    pub contact: String,
    #[arg(long, value_enum, default_value_t = Language::En)]
    pub lang: Language,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    En,
    Fr,
}

fn time_zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| format!("there is no time zone \"{name}\"; names are like Europe/Paris"))
}

fn prefix(topic: &str) -> Result<String, String> {
    if topic.contains(['+', '#']) {
        return Err("`+` and `#` stand for any topic where one listens; leave them out, e.g. town/maskcount".to_owned());
    }
    Ok(topic.to_owned())
}

fn first_line(path: &PathBuf) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

impl Listen {
    /// The time zone of the days; an error when it has no name that the page could be told.
    pub fn zone(&self) -> Result<TimeZone, String> {
        let zone = self.time_zone.clone().unwrap_or_else(TimeZone::system);
        if zone.is_unknown() {
            log("this computer has no time zone: days are those of UTC (--time-zone Europe/Paris)");
            return Ok(TimeZone::UTC);
        }
        match zone.iana_name() {
            Some(_) => Ok(zone),
            None => {
                Err("the time zone of this computer has no name; give it with --time-zone, e.g. Europe/Paris"
                    .to_owned())
            }
        }
    }

    /// Who may ask; an error when the page would be open to everybody.
    pub fn access(&self) -> Result<Access, String> {
        if let Some(path) = &self.token_file {
            let token = first_line(path)?;
            let plain = token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
            if token.len() < 16 || !plain {
                return Err(format!(
                    "the token in {} must have 16 or more letters, digits, `-` and `_`: head -c 18 /dev/urandom | base64 | tr +/ -_ makes one",
                    path.display()
                ));
            }
            return Ok(Access::Token(token));
        }
        match (self.behind_proxy, self.address.is_loopback()) {
            (true, _) => Ok(Access::BehindProxy),
            (false, true) => Ok(Access::ThisMachine),
            (false, false) => Err(format!(
                "on {} everybody in the network could read the page: give --token-file, or --behind-proxy when a reverse proxy decides who may",
                self.address
            )),
        }
    }
}

impl Mqtt {
    /// The broker, if one is asked for.
    pub fn broker(&self) -> Result<Option<Broker>, String> {
        let (Some(address), Some(client)) = (&self.mqtt, &self.mqtt_client) else { return Ok(None) };
        let wrong = || format!("\"{address}\" is no broker: write mqtt://HOST:1883 or mqtts://HOST:8883");
        let (scheme, rest) = address.split_once("://").ok_or_else(wrong)?;
        let (secure, usual) = match scheme {
            "mqtt" => (false, 1883),
            "mqtts" => (true, 8883),
            _ => return Err(wrong()),
        };
        let rest = rest.trim_end_matches('/');
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !rest.ends_with(']') => (host, port.parse().map_err(|_| wrong())?),
            _ => (rest, usual),
        };
        let host = host.trim_matches(['[', ']']);
        if host.is_empty() || host.contains(['/', '@']) {
            return Err(wrong());
        }
        if self.mqtt_ca.is_some() && !secure {
            return Err("--mqtt-ca is for mqtts:// only".to_owned());
        }
        let credentials = self.mqtt_user.clone().zip(self.mqtt_password_file.as_ref());
        let credentials = credentials.map(|(user, path)| Ok::<_, String>((user, first_line(path)?)));
        Ok(Some(Broker {
            host: host.to_owned(),
            port,
            tls: secure.then(|| link::tls(self.mqtt_ca.as_deref())).transpose()?,
            credentials: credentials.transpose()?,
            client: client.clone(),
            version: self.mqtt_version,
        }))
    }
}
