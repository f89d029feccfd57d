//! The connection to a broker, in MQTT 3.1.1 or 5: rumqttc has a client of its own for each.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{QoS, TlsConfiguration, Transport, v5};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::intake::log;

/// How a broker is reached, and who this program is to it.
#[derive(Clone, Debug)]
pub struct Broker {
    pub host: String,
    pub port: u16,
    /// `None`: no TLS.
    pub tls: Option<Arc<ClientConfig>>,
    pub credentials: Option<(String, String)>,
    /// Name of this program; unique at the broker.
    pub client: String,
    pub version: Version,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Version {
    #[value(name = "3.1.1")]
    V3,
    #[value(name = "5")]
    V5,
}

/// What the broker told.
#[derive(Debug, PartialEq, Eq)]
pub enum Told {
    Connected,
    /// The oldest message that was published is the broker's now.
    Acknowledged,
    /// The broker will never take the oldest message, and why.
    Refused(String),
    Other,
}

/// Time between signs of life, and after which a broker without one is taken for gone.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Largest packet, in bytes; a record has up to 64 KiB.
const LARGEST_PACKET: u32 = 128 * 1024;

/// Requests that rumqttc holds; at most two are open at once.
const REQUESTS: usize = 8;

/// One of rumqttc's two clients.
pub enum Link {
    V3(rumqttc::AsyncClient, Box<rumqttc::EventLoop>),
    V5(v5::AsyncClient, Box<v5::EventLoop>),
}

/// TLS that checks the broker's certificate against those in a PEM file, or else the system's. An error when there is none
/// of them: no broker could be trusted.
pub fn tls(ca: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let mut trusted = RootCertStore::empty();
    match ca {
        Some(path) => {
            let pem = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            let pem = pem.map_err(|e| format!("cannot read {}: {e}", path.display()))?;
            if trusted.add_parsable_certificates(pem).0 == 0 {
                return Err(format!(
                    "there is no certificate in {}: --mqtt-ca is for a PEM file of them",
                    path.display()
                ));
            }
        }
        None => {
            let system = rustls_native_certs::load_native_certs();
            let troubles: Vec<String> = system.errors.iter().map(|e| e.to_string()).collect();
            if trusted.add_parsable_certificates(system.certs).0 == 0 {
                return Err(format!(
                    "this computer has no certificates to check the broker's against ({}): install ca-certificates, or give --mqtt-ca",
                    troubles.join("; ")
                ));
            }
            troubles.iter().for_each(|why| log(&format!("a certificate of this computer is left out: {why}")));
        }
    }
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(trusted).with_no_client_auth()))
}

impl Broker {
    /// A link that connects when it is polled; when it breaks, the broker says `offline` on `will`.
    ///
    /// Sessions are not kept: what was not acknowledged comes from the store again.
    pub fn link(&self, will: &str) -> Link {
        let transport = match &self.tls {
            None => Transport::Tcp,
            Some(tls) => Transport::tls_with_config(TlsConfiguration::Rustls(tls.clone())),
        };
        match self.version {
            Version::V3 => {
                let mut options = rumqttc::MqttOptions::new(&self.client, &self.host, self.port);
                options.set_keep_alive(KEEP_ALIVE).set_transport(transport).set_clean_session(true);
                options.set_max_packet_size(LARGEST_PACKET as usize, LARGEST_PACKET as usize);
                options.set_last_will(rumqttc::LastWill::new(will, "offline", QoS::AtLeastOnce, true));
                if let Some((user, password)) = &self.credentials {
                    options.set_credentials(user, password);
                }
                let (client, events) = rumqttc::AsyncClient::new(options, REQUESTS);
                Link::V3(client, Box::new(events))
            }
            Version::V5 => {
                let mut options = v5::MqttOptions::new(&self.client, &self.host, self.port);
                options.set_keep_alive(KEEP_ALIVE).set_transport(transport).set_clean_start(true);
                options.set_max_packet_size(Some(LARGEST_PACKET));
                let at_least_once = v5::mqttbytes::QoS::AtLeastOnce;
                options.set_last_will(v5::mqttbytes::v5::LastWill::new(will, "offline", at_least_once, true, None));
                if let Some((user, password)) = &self.credentials {
                    options.set_credentials(user, password);
                }
                let (client, events) = v5::AsyncClient::new(options, REQUESTS);
                Link::V5(client, Box::new(events))
            }
        }
    }
}

/// The half of a link that publishes.
#[derive(Clone)]
pub enum Publisher {
    V3(rumqttc::AsyncClient),
    V5(v5::AsyncClient),
}

impl Publisher {
    /// Hands a message over, at least once; false when there is no room for it now.
    pub fn publish(&self, topic: &str, payload: &str, retain: bool) -> bool {
        match self {
            Publisher::V3(client) => client.try_publish(topic, QoS::AtLeastOnce, retain, payload).is_ok(),
            Publisher::V5(client) => {
                let payload = payload.as_bytes().to_vec();
                client.try_publish(topic, v5::mqttbytes::QoS::AtLeastOnce, retain, payload).is_ok()
            }
        }
    }
}

impl Link {
    pub fn publisher(&self) -> Publisher {
        match self {
            Link::V3(client, _) => Publisher::V3(client.clone()),
            Link::V5(client, _) => Publisher::V5(client.clone()),
        }
    }

    /// Goes on with the connection until there is something to tell. After an error the next call connects again.
    pub async fn poll(&mut self) -> Result<Told, String> {
        match self {
            Link::V3(_, events) => match events.poll().await {
                Ok(rumqttc::Event::Incoming(rumqttc::Packet::ConnAck(_))) => Ok(Told::Connected),
                Ok(rumqttc::Event::Incoming(rumqttc::Packet::PubAck(_))) => Ok(Told::Acknowledged),
                Ok(_) => Ok(Told::Other),
                Err(e) => Err(e.to_string()),
            },
            Link::V5(_, events) => match events.poll().await {
                Ok(v5::Event::Incoming(v5::mqttbytes::v5::Packet::ConnAck(_))) => Ok(Told::Connected),
                Ok(v5::Event::Incoming(v5::mqttbytes::v5::Packet::PubAck(ack))) => {
                    use v5::mqttbytes::v5::PubAckReason::{
                        NoMatchingSubscribers, NotAuthorized, PayloadFormatInvalid, Success, TopicNameInvalid,
                    };
                    match ack.reason {
                        Success | NoMatchingSubscribers => Ok(Told::Acknowledged),
                        NotAuthorized | PayloadFormatInvalid | TopicNameInvalid => {
                            Ok(Told::Refused(format!("{:?}", ack.reason)))
                        }
                        reason => Err(format!("the broker does not take the message now ({reason:?})")),
                    }
                }
                Ok(_) => Ok(Told::Other),
                Err(e) => Err(e.to_string()),
            },
        }
    }

    /// Forgets what was handed over and not acknowledged, and the connection.
    pub fn reset(&mut self) {
        match self {
            Link::V3(_, events) => {
                events.clean();
                events.pending.clear();
            }
            Link::V5(_, events) => {
                events.clean();
                events.pending.clear();
            }
        }
    }
}
