//! Values in words, for people.

use crate::base::ids::ReplicaSet;
use crate::base::time::{MICROSECOND, MILLISECOND, SECOND, Time};

/// A span of virtual time.
pub fn time(time: Time) -> String {
    let (unit, name) = match time {
        SECOND.. => (SECOND, "s"),
        MILLISECOND.. => (MILLISECOND, "ms"),
        MICROSECOND.. => (MICROSECOND, "us"),
        _ => return format!("{time} ns"),
    };
    let (whole, thousandths) = (time / unit, time % unit * 1_000 / unit);
    if thousandths == 0 {
        return format!("{whole} {name}");
    }
    let digits = format!("{thousandths:03}");
    format!("{whole}.{} {name}", digits.trim_end_matches('0'))
}

/// The replicas of a set: `replicas 0, 2`.
pub fn replicas(set: ReplicaSet) -> String {
    let members: Vec<_> = set.iter().map(|replica| replica.0.to_string()).collect();
    match members.len() {
        0 => "no replica".to_string(),
        1 => format!("replica {}", members[0]),
        _ => format!("replicas {}", members.join(", ")),
    }
}

/// A name in capital letters as words in small ones: `StartViewChange` is `start view change`.
pub fn spaced(name: &str) -> String {
    let mut words = String::new();
    for symbol in name.chars() {
        if symbol.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(symbol.to_lowercase());
    }
    words
}
