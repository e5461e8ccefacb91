//! The settings of a configuration by name, as numbers: `cluster.replicas`, `network.delay_max`, `heal_at` ...
//!
//! Files store a configuration in this form. A file that was written before a setting existed can therefore be read:
//! settings that it does not name have their defaults, and the default of a new setting means "as before". A file that
//! names an unknown setting was written by a newer version, and is refused.

use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::time::Time;
use crate::config::spec::{Clock, Cluster, Config, Disk, Network, Workload};

/// One setting of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name, after that of its part: `cluster.heartbeat`.
    pub name: &'static str,
    /// Its value; nanoseconds where it is a time.
    pub value: u64,
    /// Whether it is a time.
    pub is_time: bool,
}

/// Lists the settings. The compiler sees to it that none is missing.
macro_rules! settings {
    ($($part:ident: $type:ident { $($name:ident: $kind:ident),* $(,)? })* $(; $whole:ident: $whole_kind:ident)*) => {
        impl Config {
            /// All settings, in a fixed order.
            pub fn settings(&self) -> Vec<Setting> {
                let Config { $($part: $type { $($name: _),* },)* $($whole: _),* } = self;
                vec![
                    $($(Setting {
                        name: concat!(stringify!($part), ".", stringify!($name)),
                        value: self.$part.$name.into(),
                        is_time: is_time(stringify!($kind)),
                    },)*)*
                    $(Setting {
                        name: stringify!($whole),
                        value: self.$whole.into(),
                        is_time: is_time(stringify!($whole_kind)),
                    },)*
                ]
            }

            /// Changes one setting. Whether the configuration makes sense as a whole is for [`Config::check`] to say.
            ///
            /// # Errors
            /// There is no setting of this name, or the value is too large for it.
            pub fn set(&mut self, name: &str, value: u64) -> Result<(), String> {
                $($(if name == concat!(stringify!($part), ".", stringify!($name)) {
                    self.$part.$name = $kind::try_from(value).map_err(|_| too_large(name, value))?;
                    return Ok(());
                })*)*
                $(if name == stringify!($whole) {
                    self.$whole = $whole_kind::try_from(value).map_err(|_| too_large(name, value))?;
                    return Ok(());
                })*
                Err(format!("there is no setting {}", name.escape_debug()))
            }
        }
    };
}

settings! {
    cluster: Cluster {
        replicas: u8,
        replication_quorum: u8,
        view_change_quorum: u8,
        byzantine: u8,
        pipeline_max: u16,
        request_bytes_max: u16,
        log_slots: u32,
        heartbeat: Time,
        view_change_timeout: Time,
        clock_ping: Time,
        clock_epoch: Time,
        clock_tolerance: Time,
        sessions_max: u16,
        scrub_iops: u32,
        scrub_tour_max: Time,
        repair_credits: u16,
        repair_entries: u16,
        repair_expiry: Time,
        repair_explore: u16,
        abdicate_timeout: Time,
        commit_stall_timeout: Time,
        start_view_change_window: Time,
        checkpoint_interval: u32,
        sync_timeout: Time,
        members: u8,
    }
    network: Network { delay_min: Time, delay_max: Time, loss: u32, duplication: u32, reordering: u32 }
    disk: Disk { latency_min: Time, latency_max: Time }
    clock: Clock { offset_max: Time, drift_max: u32, ntp_interval: Time, ntp_error_max: Time }
    workload: Workload {
        clients: u16,
        requests: u32,
        request_bytes: u16,
        tenants: u16,
        reads: u32,
        think_min: Time,
        think_max: Time,
        timeout: Time,
    }
    ; heal_at: Time
    ; heal_max: Time
}

fn is_time(kind: &str) -> bool {
    kind == "Time"
}

fn too_large(name: &str, value: u64) -> String {
    format!("{name} is {value}, which is too large")
}

impl Serialize for Config {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let settings = self.settings();
        let mut map = serializer.serialize_map(Some(settings.len()))?;
        for Setting { name, value, .. } in settings {
            map.serialize_entry(name, &value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Settings)
    }
}

struct Settings;

impl<'de> Visitor<'de> for Settings {
    type Value = Config;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings of a configuration")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Config, A::Error> {
        let mut config = Config::default();
        while let Some((name, value)) = map.next_entry::<String, u64>()? {
            config.set(&name, value).map_err(de::Error::custom)?;
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::MILLISECOND;

    #[test]
    fn every_setting_is_read_back_as_it_was_written() {
        let mut config = Config::default();
        for (place, setting) in (1..).zip(Config::default().settings()) {
            config.set(setting.name, place).unwrap();
        }
        let values: Vec<u64> = config.settings().iter().map(|setting| setting.value).collect();
        assert_eq!(values, (1..=values.len() as u64).collect::<Vec<_>>(), "each name is one setting's own");
    }

    #[test]
    fn times_are_told_from_numbers_and_wrong_settings_are_refused() {
        let mut config = Config::default();
        let heartbeat = config.settings().into_iter().find(|setting| setting.name == "cluster.heartbeat").unwrap();
        assert_eq!((heartbeat.value, heartbeat.is_time), (40 * MILLISECOND, true));
        assert!(!config.settings()[0].is_time);
        assert_eq!(config.set("cluster.heartbeats", 1), Err("there is no setting cluster.heartbeats".into()));
        assert_eq!(config.set("cluster.replicas", 256), Err("cluster.replicas is 256, which is too large".into()));
        assert_eq!(config, Config::default());
    }
}
