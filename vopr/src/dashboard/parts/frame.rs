//! The common parts of all pages: the frame, and the elements from which pages are composed.

use maud::{DOCTYPE, Markup, html};

use engine::base::format;
use engine::base::terminal::grouped;

/// The sections of the dashboard.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Overview,
    Scenarios,
    Failures,
    Coverage,
    Invariants,
    /// A page outside of all sections.
    None,
}

const SECTIONS: [(Section, &str, &str); 5] = [
    (Section::Overview, "/", "Overview"),
    (Section::Scenarios, "/scenarios", "Scenarios"),
    (Section::Failures, "/failures", "Failures"),
    (Section::Coverage, "/coverage", "Coverage"),
    (Section::Invariants, "/invariants", "Invariants"),
];

/// The icon: a red dot on a ring, for a fault in a cluster.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' \
                    r='6' fill='none' stroke='%230b63ce' stroke-width='2.5'/%3E%3Ccircle cx='13' cy='4.5' r='3' \
                    fill='%23c4281c'/%3E%3C/svg%3E";

/// A whole page.
pub fn page(section: Section, title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · vopr" }
                link rel="icon" href=(ICON);
                link rel="stylesheet" href="/style.css";
                script src="/script.js" defer {}
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                header {
                    nav aria-label="Pages" {
                        a.brand href="/" { "vopr" }
                        @for (of, address, name) in SECTIONS {
                            a href=(address) aria-current=[(of == section).then_some("page")] { (name) }
                        }
                    }
                }
                main #content tabindex="-1" { (content) }
                footer { "vopr " (env!("CARGO_PKG_VERSION")) span #connection hidden {} }
            }
        }
    }
}

/// A large number with its label.
pub fn tile(number: &str, of: &str, more: &str) -> Markup {
    html! { div.tile { strong { (number) } span { (of) } @if !more.is_empty() { small { (more) } } } }
}

/// A table that scrolls horizontally if it is too wide.
pub fn table(label: &str, headers: &[&str], rows: &Markup) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(label) {
            table {
                thead { tr { @for header in headers {
                    // Numbers are right-aligned below their header.
                    @if let Some(header) = header.strip_prefix('#') { th.number scope="col" { (header) } }
                    @else { th scope="col" { (header) } }
                } } }
                tbody { (rows) }
            }
        }
    }
}

/// A cell with a number.
pub fn number(number: u64) -> Markup {
    html! { td.number { (grouped(number)) } }
}

/// A command to copy, with its arguments quoted for a shell.
pub fn command(arguments: &[&str]) -> Markup {
    let line = arguments.iter().map(|argument| shell(argument)).collect::<Vec<_>>().join(" ");
    html! { div.command { code { (line) } } }
}

/// Quotes an argument so that a shell takes it literally.
fn shell(argument: &str) -> String {
    let plain = |symbol: char| symbol.is_ascii_alphanumeric() || "_-./:=+,@%".contains(symbol);
    let argument = format::printable(argument);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument;
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

/// A link to a scenario, if it is built in. A scenario from a file has no page.
pub fn scenario(name: &str) -> Markup {
    if let Some(kind) = scenarios::ScenarioType::from_name(name) {
        html! { a.name href={ "/scenarios/" (kind.name()) } { (kind.name()) } }
    } else {
        html! { span.name { (name) } }
    }
}

/// A link to the row of an invariant, if it exists.
pub fn invariant(name: &str) -> Markup {
    if let Some(name) = sim::invariants::NAMES.iter().find(|known| **known == name) {
        html! { a.name href={ "/invariants#" (name) } { (name) } }
    } else {
        html! { span.name { (format::printable(name)) } }
    }
}

/// A list of names, separated by commas.
pub fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> Markup {
    html! { @for (index, name) in names.into_iter().enumerate() { @if index > 0 { ", " } span.name { (name) } } }
}

/// The elapsed time as text.
pub fn ago(at: u64, now: u64) -> String {
    match now.saturating_sub(at) {
        0..5 => "just now".to_string(),
        seconds @ 5..120 => format!("{seconds} s ago"),
        seconds @ 120..7_200 => format!("{} min ago", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h ago", seconds / 3_600),
        seconds => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untrusted_file_names_are_quoted_for_a_shell() {
        assert_eq!(shell("./failures/failure-20261123-054422.kmb"), "./failures/failure-20261123-054422.kmb");
        assert_eq!(shell("a b"), "'a b'");
        assert_eq!(shell("$(reboot)'; reboot\n"), "'$(reboot)'\\''; reboot\u{FFFD}'");
        assert_eq!(shell(""), "''");
    }
}
