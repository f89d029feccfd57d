//! Brings the messages of the outbox to a broker, in order, each until the broker has acknowledged it.
//!
//! The outbox is in the store, so nothing is lost while the broker is away or this program is not running. A message whose
//! acknowledgement did not arrive, because the connection broke or the program was killed in between, is sent again with
//! the same bytes: retained values and counters do not change by that.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::sync::broadcast::error::RecvError;

use super::announce;
use super::link::{Broker, Publisher, Told};
use crate::intake::log;
use crate::record::Record;
use crate::server::{Event, State};
use crate::store::{Store, StoreError};

/// Name of the place in the store up to which records are announced.
const READER: &str = "mqtt";

/// Records that are announced at once.
const BATCH: usize = 500;

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Puts the messages of new records into the outbox, until the process ends. To be started when all folders were read
/// once: of what a new store finds, only the last record of each camera is announced.
pub async fn announce(store: Arc<Store>, state: Arc<State>, prefix: String, wake: Arc<Notify>) {
    let mut events = state.subscribe();
    let mut said = false;
    loop {
        match announce_new(&store, &state, &prefix) {
            Ok(true) => {
                wake.notify_one();
                continue;
            }
            Ok(false) => said = false,
            Err(e) => {
                if !said {
                    log(&format!("{e}; what is new is announced when there is room"));
                    said = true;
                }
                tokio::time::sleep(Duration::from_secs(5)).await;
                continue;
            }
        }
        loop {
            match events.recv().await {
                Ok(Event::Live { .. }) => {}
                Ok(Event::Records { .. }) | Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return,
            }
        }
    }
}

/// Announces the next records; false when there were none. The store has a record before the history has it, and one whose
/// sums are not there yet waits until they are.
fn announce_new(store: &Store, state: &State, prefix: &str) -> Result<bool, StoreError> {
    let newest = state.history().newest();
    let (texts, place) = match store.place(READER)? {
        None => (store.last_of_each(newest)?, newest),
        Some(place) => {
            let next = store.after(place, newest, BATCH)?;
            let Some(last) = next.last().map(|(id, _)| *id) else { return Ok(false) };
            (next.into_iter().map(|(_, text)| text).collect(), last)
        }
    };
    let records: Vec<Record> = texts.iter().filter_map(|text| Record::from_json(text).ok()).collect();
    let messages = announce::messages(&state.history(), prefix, &records, Timestamp::now());
    store.post(&messages, READER, place)?;
    Ok(true)
}

/// Sends the outbox, until the process ends.
pub async fn send(store: Arc<Store>, broker: Broker, prefix: String, wake: Arc<Notify>) {
    let available = format!("{prefix}/availability/{}", announce::level(&broker.client));
    let mut link = broker.link(&available);
    let mut outbox =
        Outbox { store, publisher: link.publisher(), under_way: VecDeque::new(), last: 0, connected: false };
    let (mut pause, mut said, mut refused) = (FIRST_PAUSE, None, None);
    loop {
        let told = {
            let poll = link.poll();
            tokio::pin!(poll);
            loop {
                tokio::select! {
                    told = &mut poll => break told,
                    () = wake.notified() => outbox.send_next(),
                }
            }
        };
        match told {
            Ok(Told::Connected) => {
                log(&format!("connected to the broker {}:{}", broker.host, broker.port));
                (pause, said) = (FIRST_PAUSE, None);
                outbox.connected = true;
                outbox.publisher.publish(&available, "online", true);
                outbox.under_way.push_back(None);
                outbox.send_next();
            }
            Ok(Told::Acknowledged) => outbox.acknowledged(),
            Ok(Told::Refused(why)) => {
                // The ones behind it must not wait for ever; a broker that speaks MQTT 3.1.1 drops it without a word.
                if refused.as_ref() != Some(&why) {
                    log(&format!(
                        "the broker {}:{} refuses some messages ({why}): these are left out. Let this client write to all \
                         topics that dashboard/README.md names",
                        broker.host, broker.port
                    ));
                    refused = Some(why);
                }
                outbox.acknowledged();
            }
            Ok(Told::Other) => {}
            Err(why) => {
                outbox.connected = false;
                outbox.under_way.clear();
                // What is on its way in there would come twice.
                link.reset();
                if said.as_ref() != Some(&why) {
                    log(&format!(
                        "no broker at {}:{} ({why}); messages are kept until there is",
                        broker.host, broker.port
                    ));
                    said = Some(why);
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

struct Outbox {
    store: Arc<Store>,
    publisher: Publisher,
    /// Messages that the broker has not acknowledged, oldest first; `None`: the availability, which is not in the store.
    under_way: VecDeque<Option<i64>>,
    /// The last message that the broker has. The store may have to keep it while its disk is full: it is not sent again.
    last: i64,
    connected: bool,
}

impl Outbox {
    /// Sends the next message, one at a time.
    fn send_next(&mut self) {
        if !self.connected || self.under_way.iter().any(Option::is_some) {
            return;
        }
        match self.store.message_after(self.last) {
            Ok(Some((id, m))) if self.publisher.publish(&m.topic, &m.payload, m.retain) => {
                self.under_way.push_back(Some(id));
            }
            Ok(_) => {}
            Err(e) => log(&format!("{e}; the next message is read again later")),
        }
    }

    fn acknowledged(&mut self) {
        if let Some(Some(id)) = self.under_way.pop_front() {
            self.last = id;
            if let Err(e) = self.store.sent(id) {
                log(&format!("{e}; it is said again with the next message that the broker has this one"));
            }
        }
        self.send_next();
    }
}
