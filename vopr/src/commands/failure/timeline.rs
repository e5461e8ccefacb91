//! `vopr timeline`: draws a failure in the terminal or into a file.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use sim::Time;
use sim::base::time::MILLISECOND;

use crate::arguments::{Common, Format, write_output};
use crate::commands::failure::read_kmb;
use engine::analysis::timeline::downsample::TOLD_APART;
use engine::analysis::timeline::text;
use engine::analysis::timeline::text::Show;
use engine::analysis::timeline::{Timeline, build, page, svg};
use engine::base::error::Error;
use engine::base::{exit, terminal};

/// The range of widths in which the text is readable.
const WIDTH: std::ops::RangeInclusive<usize> = 60..=1000;
/// The width if the output is not a terminal.
const WIDTH_DEFAULT: usize = 110;

/// The arguments of `vopr timeline`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The .kmb file
    file: PathBuf,
    /// How many columns the text has [default: those of the terminal]
    #[arg(long, value_name = "N", value_parser = parse_width)]
    width: Option<usize>,
    /// The messages, one by one (with --verbose also heartbeats, probes and clients' mail); a picture has them always
    #[arg(long)]
    show_messages: bool,
    /// All messages, however many; else of kinds with more than can be told apart those nearest to the violation
    #[arg(long)]
    all_messages: bool,
    /// The faults of the plan; a picture has them always
    #[arg(long)]
    show_faults: bool,
    /// Only what happened from A to B, in milliseconds of virtual time
    #[arg(long, num_args = 2, value_names = ["A", "B"], value_parser = parse_milliseconds)]
    time_range: Option<Vec<Time>>,
    /// Only these replicas, separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    nodes: Vec<u8>,
    /// Where the picture goes: .txt is text, .svg a drawing, .html a page that answers to mouse and keyboard
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The format, by the extension of the file.
#[derive(Clone, Copy)]
enum Picture {
    Text,
    Svg,
    Page,
}

impl Picture {
    fn of(path: &Path) -> Result<Self, Error> {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("txt") => Ok(Picture::Text),
            Some("svg") => Ok(Picture::Svg),
            Some("html") => Ok(Picture::Page),
            _ => Err(Error::usage(format!("{}: the ending has to be .txt, .svg or .html", path.display()))),
        }
    }
}

/// Runs the command.
pub(crate) fn run(common: &Common, arguments: &Arguments) -> Result<u8, Error> {
    // Errors in the arguments are reported before anything is run.
    let picture = arguments.output.as_deref().map(Picture::of).transpose()?;
    let kmb = read_kmb(&arguments.file)?;
    let mut timeline = build::replay(&kmb)?;
    if kmb.expected.is_some() && !timeline.finding.as_ref().is_some_and(|finding| finding.owed) {
        terminal::tell("the run breaks nothing that is owed any more; this is its timeline all the same");
    }
    select(&mut timeline, arguments)?;
    // Heartbeats and probes would obscure the relevant messages. On a page the reader can switch them on.
    if !common.verbose && !matches!(picture, Some(Picture::Page)) {
        timeline.keep_relevant();
    }
    if !common.verbose && !arguments.all_messages {
        timeline.thin(TOLD_APART);
    }
    let show = Show { messages: arguments.show_messages, faults: arguments.show_faults };
    if let (Some(path), Some(picture)) = (&arguments.output, picture) {
        let text = match picture {
            Picture::Text => {
                let plain = text::render(&timeline, arguments.width.unwrap_or(WIDTH_DEFAULT), show);
                anstream::adapter::strip_str(&plain).to_string()
            }
            Picture::Svg => svg::file(&timeline),
            Picture::Page => page::file(&timeline),
        };
        write_output(path, text.as_bytes())?;
    }
    match (common.format, &arguments.output) {
        (Format::Json, file) => terminal::print_json(&json!({
            "version": terminal::JSON_VERSION, "command": "timeline", "file": file, "timeline": timeline,
        }))?,
        (Format::Compact, _) => terminal::print(&compact(&timeline))?,
        (Format::Human, Some(path)) => terminal::print(&format!("{}\n", path.display()))?,
        (Format::Human, None) => {
            let width = arguments.width.unwrap_or_else(terminal_width);
            terminal::print(&text::render(&timeline, width, show))?;
        }
    }
    Ok(exit::CLEAN)
}

fn select(timeline: &mut Timeline, arguments: &Arguments) -> Result<(), Error> {
    if !arguments.nodes.is_empty() {
        let replicas = timeline.lanes.len();
        if let Some(unknown) = arguments.nodes.iter().find(|node| usize::from(**node) >= replicas) {
            return Err(Error::usage(format!("--nodes: there is no replica {unknown}; the cluster has {replicas}")));
        }
        timeline.keep_replicas(&arguments.nodes);
    }
    if let Some(&[from, to]) = arguments.time_range.as_deref() {
        let end = timeline.to;
        if from >= to || from >= end {
            let last = end as f64 / MILLISECOND as f64;
            return Err(Error::usage(format!(
                "--time-range: A has to be before B and before {last} ms, the run's end"
            )));
        }
        timeline.keep_range(from, to);
    }
    Ok(())
}

fn compact(timeline: &Timeline) -> String {
    let finding = timeline.finding.as_ref().map_or("-".to_string(), |it| it.invariant.clone());
    let Timeline { name, scenario, lanes, messages, to, .. } = timeline;
    format!(
        "{name} {scenario} {finding} {} replicas {} messages {} ms\n",
        lanes.len(),
        messages.len(),
        to / MILLISECOND
    )
}

fn terminal_width() -> usize {
    let columns = console::Term::stdout().size_checked().map_or(WIDTH_DEFAULT, |(_, columns)| columns.into());
    columns.clamp(*WIDTH.start(), *WIDTH.end())
}

fn parse_width(text: &str) -> Result<usize, String> {
    let width = text.parse().ok().filter(|width| WIDTH.contains(width));
    width.ok_or_else(|| format!("a number from {} to {}", WIDTH.start(), WIDTH.end()))
}

/// Parses milliseconds with decimals down to the nanosecond.
fn parse_milliseconds(text: &str) -> Result<Time, String> {
    let error = || "milliseconds of virtual time, such as 350 or 375.058".to_string();
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 6 || !decimals.chars().all(|digit| digit.is_ascii_digit()) {
        return Err(error());
    }
    let whole: Time = whole.parse().map_err(|_| error())?;
    let nanos: Time = format!("{decimals:0<6}").parse().map_err(|_| error())?;
    whole.checked_mul(MILLISECOND).and_then(|whole| whole.checked_add(nanos)).ok_or_else(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exact() {
        assert_eq!(parse_milliseconds("350"), Ok(350 * MILLISECOND));
        assert_eq!(parse_milliseconds("375.058"), Ok(375_058_000));
        assert_eq!(parse_milliseconds("0.000001"), Ok(1));
        for wrong in ["", "-1", "1.0000001", "1e3", "99999999999999999999", "18446744073709551615", "x", "1.x"] {
            assert!(parse_milliseconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_width_is_bounded() {
        assert_eq!(parse_width("60"), Ok(60));
        for wrong in ["0", "59", "1001", "-5", "x"] {
            assert!(parse_width(wrong).is_err(), "{wrong}");
        }
    }
}
