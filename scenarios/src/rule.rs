//! Rules: the actions of a scenario file, with values that are drawn from the seed of a run.
//!
//! A rule is an [`Action`] in the form of serde, with two additions: any number can be a time with a unit (`"120ms"`)
//! or a range (`{ between = ["60ms", "250ms"] }`), and any value can be a choice (`{ pick = ["Primary", "Subject"] }`).

use serde::Deserialize;
use sim::Action;
use sim::base::time::{MICROSECOND, MILLISECOND, SECOND};
use toml::{Table, Value};

use crate::draw::Draw;

/// An action with open values.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    when: Value,
    what: Value,
    /// The percentage of runs in which it is carried out.
    #[serde(default = "always")]
    chance: u64,
}

fn always() -> u64 {
    100
}

impl Rule {
    /// Checks the rule, and replaces times with units by numbers.
    ///
    /// # Errors
    /// The error, in one line.
    pub fn checked(self) -> Result<Rule, String> {
        if self.chance > 100 {
            return Err(format!("chance is {}; it must be between 0 and 100", self.chance));
        }
        let rule = Rule { when: plain(self.when)?, what: plain(self.what)?, ..self };
        // Tries every choice, and every range at both ends.
        let choices = count_choices(&rule.when).max(count_choices(&rule.what)) as u64;
        for choice in (0..choices.max(1)).chain([u64::MAX]) {
            rule.action(&mut |choices| choice.min(choices - 1))
                .map_err(|error| error.message().trim().replace('\n', " "))?;
        }
        Ok(rule)
    }

    /// The action of the rule in one run, if it is carried out.
    pub(crate) fn draw(&self, draw: &mut Draw) -> Option<Action> {
        if !draw.chance(self.chance) {
            return None;
        }
        let action = self.action(&mut |choices| draw.below(choices));
        debug_assert!(action.is_ok(), "checked: {action:?}");
        action.ok()
    }

    fn action(&self, pick: &mut dyn FnMut(u64) -> u64) -> Result<Action, toml::de::Error> {
        let mut table = Table::new();
        table.insert("when".to_string(), closed(&self.when, pick));
        table.insert("what".to_string(), closed(&self.what, pick));
        table.try_into()
    }
}

/// Parses a time with a unit, such as `120ms`, `3s`, `50us`, `7ns`, to nanoseconds.
pub(crate) fn time(text: &str) -> Option<u64> {
    let digits = text.find(|symbol: char| !symbol.is_ascii_digit())?;
    let unit = match text[digits..].trim_start() {
        "ns" => 1,
        "us" => MICROSECOND,
        "ms" => MILLISECOND,
        "s" => SECOND,
        _ => return None,
    };
    text[..digits].parse::<u64>().ok()?.checked_mul(unit).filter(|time| i64::try_from(*time).is_ok())
}

/// Replaces all times by numbers, and checks the ranges and choices.
fn plain(value: Value) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => match time(&text) {
            Some(time) => Value::Integer(time as i64),
            None => Value::String(text),
        },
        Value::Array(values) => Value::Array(values.into_iter().map(plain).collect::<Result<_, _>>()?),
        Value::Table(table) => {
            let table: Table =
                table.into_iter().map(|(key, value)| Ok((key, plain(value)?))).collect::<Result<_, String>>()?;
            if let Some(range) = only(&table, "between") {
                let ends: Vec<i64> = range.as_array().into_iter().flatten().filter_map(Value::as_integer).collect();
                if !matches!(ends[..], [min, max] if 0 <= min && min <= max)
                    || range.as_array().map(Vec::len) != Some(2)
                {
                    return Err(format!("between needs a smaller and a larger number, not {range}"));
                }
            }
            if let Some(choices) = only(&table, "pick")
                && choices.as_array().is_none_or(Vec::is_empty)
            {
                return Err(format!("pick needs a list of values, not {choices}"));
            }
            Value::Table(table)
        }
        value => value,
    })
}

/// The value of the key, if it is the table's only key.
fn only<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    if table.len() == 1 { table.get(key) } else { None }
}

/// Replaces ranges and choices by values. `pick` gets the number of possibilities and returns an index.
fn closed(value: &Value, pick: &mut dyn FnMut(u64) -> u64) -> Value {
    match value {
        Value::Array(values) => Value::Array(values.iter().map(|value| closed(value, pick)).collect()),
        Value::Table(table) => {
            if let Some(Value::Array(ends)) = only(table, "between")
                && let [Value::Integer(min), Value::Integer(max)] = ends[..]
            {
                return Value::Integer(min + pick((max - min) as u64 + 1) as i64);
            }
            if let Some(Value::Array(choices)) = only(table, "pick") {
                return closed(&choices[pick(choices.len() as u64) as usize], pick);
            }
            Value::Table(table.iter().map(|(key, value)| (key.clone(), closed(value, pick))).collect())
        }
        value => value.clone(),
    }
}

/// The length of the longest list to choose from.
fn count_choices(value: &Value) -> usize {
    match value {
        Value::Array(values) => values.iter().map(count_choices).max().unwrap_or(0),
        Value::Table(table) => {
            let here = only(table, "pick").and_then(Value::as_array).map_or(0, Vec::len);
            table.values().map(count_choices).max().unwrap_or(0).max(here)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use sim::{ActionKind, Target, Trigger, When};

    use super::*;

    fn rule(text: &str) -> Result<Rule, String> {
        toml::from_str::<Rule>(text).map_err(|error| error.message().to_string())?.checked()
    }

    #[test]
    fn times_have_units() {
        assert_eq!(time("120ms"), Some(120 * MILLISECOND));
        assert_eq!((time("3 s"), time("7ns"), time("5us")), (Some(3 * SECOND), Some(7), Some(5 * MICROSECOND)));
        for wrong in ["", "ms", "1.5s", "12", "-3ms", "5 minutes", "99999999999999999999s", "9999999999999s"] {
            assert_eq!(time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn open_values_are_drawn_from_the_seed_and_stay_in_range() {
        let text = r#"
            when = { After = { watch = "Committed", count = { between = [2, 4] }, delay = "1ms" } }
            what = { Crash = { target = { pick = ["Primary", "Subject"] }, down = { between = ["10ms", "20ms"] } } }
            chance = 50
        "#;
        let rule = rule(text).unwrap();
        let actions: Vec<_> = (0..200).map(|seed| rule.draw(&mut Draw::new(seed, "rule"))).collect();
        assert_eq!(actions, (0..200).map(|seed| rule.draw(&mut Draw::new(seed, "rule"))).collect::<Vec<_>>());
        let drawn: Vec<_> = actions.iter().flatten().collect();
        assert!((50..150).contains(&drawn.len()), "{} of 200", drawn.len());
        for action in &drawn {
            let When::After { watch: Trigger::Committed, replica: None, count: 2..=4, delay: MILLISECOND } =
                action.when
            else {
                panic!("{action:?}")
            };
            let ActionKind::Crash { target: Target::Primary | Target::Subject, down } = action.what else { panic!() };
            assert!((10 * MILLISECOND..=20 * MILLISECOND).contains(&down));
        }
        assert!(drawn.iter().any(|action| action.what.target() == Some(Target::Primary)));
        assert!(drawn.iter().any(|action| action.what.target() == Some(Target::Subject)));
    }

    #[test]
    fn invalid_rules_are_rejected() {
        let fixed = |what: &str| rule(&format!("when = {{ At = 0 }}\nwhat = {what}")).map(|_| ());
        assert_eq!(fixed("{ PowerLoss = { down = \"1ms\" } }"), Ok(()));
        for wrong in [
            "{ PowerLoss = { down = { between = [3, 2] } } }",
            "{ PowerLoss = { down = { between = [3] } } }",
            "{ PowerLoss = { down = \"soon\" } }",
            "{ PowerLoss = { down = { pick = [] } } }",
            "{ PowerLoss = {} }",
            "{ Explode = {} }",
            "{ Crash = { target = { pick = [\"Primary\", \"Nobody\", \"Subject\"] }, down = 1 } }",
        ] {
            assert!(fixed(wrong).is_err(), "{wrong}");
        }
        assert!(rule("when = { At = 0 }\nwhat = { PowerLoss = { down = 1 } }\nchance = 101").is_err());
        assert!(rule("when = { At = 0 }").is_err());
    }
}
