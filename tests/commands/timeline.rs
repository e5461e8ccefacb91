//! `vopr timeline`: the command, and its page in a real browser.

use std::path::Path;
use std::process::Command;

use crate::support::{chromium, directory, json, stdout, vopr};

fn example() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/view-led-twice.kmb").display().to_string()
}

#[test]
fn a_failure_is_drawn_in_the_terminal_and_into_files() {
    let here = directory();
    let example = example();
    let repro = json(&mut vopr(here.path(), &format!("repro {example} --format json")), 1);
    assert_eq!(repro["result"], "same_violation_same_digest", "the example is what it was");
    let text = stdout(&mut vopr(here.path(), &format!("timeline {example} --width 100")), 0);
    assert!(text.starts_with("vsr_view_change_safety: ") && text.contains("replica 1 "), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours in a pipe");
    let coloured = stdout(&mut vopr(here.path(), &format!("timeline {example} --color always")), 0);
    assert!(coloured.contains('\u{1b}'));
    for (file, beginning) in [("a.txt", "vsr_view"), ("a.svg", "<svg"), ("a.html", "<!DOCTYPE html>")] {
        let said = stdout(&mut vopr(here.path(), &format!("timeline {example} --output {file}")), 0);
        assert_eq!(said, format!("{file}\n"));
        let written = std::fs::read_to_string(here.path().join(file)).expect("it is there");
        assert!(written.starts_with(beginning), "{file}");
    }
    let value =
        json(&mut vopr(here.path(), &format!("timeline {example} --format json --nodes 1 --time-range 0 300")), 0);
    let lanes = value["timeline"]["lanes"].as_array().expect("a list");
    assert_eq!((lanes.len(), &lanes[0]["replica"]), (1, &1.into()));
    assert_eq!(value["timeline"]["to"], 300_000_000);
    assert!(value["timeline"]["finding"].is_null(), "it comes later");
}

#[test]
fn wrong_arguments_are_one_line() {
    let here = directory();
    let example = example();
    for (arguments, code) in [
        (format!("timeline {example} --output a.png"), 2),
        (format!("timeline {example} --output a"), 2),
        (format!("timeline {example} --nodes 3"), 2),
        (format!("timeline {example} --time-range 300 200"), 2),
        (format!("timeline {example} --time-range 9000 9001"), 2),
        (format!("timeline {example} --output missing/a.svg"), 3),
        ("timeline missing.kmb".to_string(), 3),
    ] {
        let assert = vopr(here.path(), &arguments).assert().code(code);
        let said = String::from_utf8_lossy(&assert.get_output().stderr).to_string();
        assert_eq!(said.lines().count(), 1, "{arguments}: {said}");
    }
    assert_eq!(std::fs::read_dir(here.path()).expect("a directory").count(), 0, "nothing was written");
}

/// Opens a page in a window of this width, and returns its document after a while.
fn dom(chromium: &Path, page: &Path, width: u32) -> String {
    let profile = directory();
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "--virtual-time-budget=4000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--window-size={width},900"))
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("it runs");
    String::from_utf8_lossy(&output.stdout).to_string()
}

/// A script that uses the page like a reader and records what it sees.
const READER: &str = r#"
const told = [];
const tell = (name, value) => told.push(`${name}=${value}`);
const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
addEventListener("load", async () => {
  const svg = document.querySelector("svg.timeline");
  const figure = document.querySelector(".timeline-figure");
  const tip = document.querySelector(".timeline-tip");
  const key = async (key) => { svg.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true })); await frame(); };
  const crash = svg.querySelector(".mark.crash");
  const place = () => crash.getBoundingClientRect().left;
  await frame();
  tell("answers", figure.classList.contains("answers"));
  tell("fits", document.documentElement.scrollWidth <= innerWidth);
  tell("titles", svg.querySelectorAll("title").length);
  const before = place();
  await key("+");
  tell("zoomed", place() !== before);
  await key("ArrowRight");
  await key("0");
  tell("reset", Math.abs(place() - before) < 0.2);
  await key("n");
  const first = tip.textContent;
  await key("n");
  tell("stepped", !tip.hidden && first !== "" && tip.textContent !== first);
  await key("p");
  tell("back", tip.textContent === first);
  await key("v");
  tell("violation", tip.textContent.startsWith("vsr_view_change_safety"));
  await key("Escape");
  tell("silent", tip.hidden);
  await key("0");
  const box = document.querySelector("input[data-kind=StartViewChange]");
  const shown = () => [...svg.querySelectorAll(".message")].filter((it) => getComputedStyle(it).display !== "none").length;
  const all = shown();
  box.click();
  tell("filtered", shown() < all);
  box.click();
  tell("unfiltered", shown() === all);
  crash.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX: 200, clientY: 300, pointerType: "mouse" }));
  tell("hover", !tip.hidden && tip.textContent.includes("crashes"));
  const ground = () => getComputedStyle(document.body).backgroundColor;
  const select = document.querySelector("[data-timeline-theme]");
  const choose = (value) => { select.value = value; select.dispatchEvent(new Event("change")); return ground(); };
  tell("themes", choose("dark") !== choose("light"));
  const injected = document.createElement("script");
  injected.textContent = "window.injected = true";
  document.body.append(injected);
  tell("strict", window.injected === undefined);
  tell("errors", window.errors.length === 0 ? "none" : window.errors.join(", "));
  document.title = `told: ${told.join(" ")}`;
});
"#;
/// A script that records errors before the reader runs. Without a screen there are no animation frames, so timers
/// replace them.
const WATCHER: &str = r#"
window.errors = [];
window.requestAnimationFrame = (draw) => setTimeout(draw, 16);
addEventListener("error", (event) => errors.push(event.message));
addEventListener("securitypolicyviolation", (event) => {
  if (event.sample !== "" || event.violatedDirective !== "script-src-elem") errors.push(event.violatedDirective);
});
"#;

#[test]
fn the_page_is_interactive_in_a_browser() {
    let Some(chromium) = chromium() else {
        eprintln!("skipped: no Chromium on this machine, so the page was not tried in a browser");
        return;
    };
    let here = directory();
    stdout(&mut vopr(here.path(), &format!("timeline {} --output page.html", example())), 0);
    let path = here.path().join("page.html");
    let page = std::fs::read_to_string(&path).expect("the page");
    // The injected scripts use the nonce of the page.
    let nonce = page.split("<script nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a nonce");
    let script = |source: &str| format!("<script nonce=\"{nonce}\">{source}</script>");
    let watched = page.replacen("<style", &format!("{}<style", script(WATCHER)), 1);
    let read = watched.replacen("</body>", &format!("{}</body>", script(READER)), 1);
    std::fs::write(&path, read).expect("written");
    for width in [1280, 500] {
        let dom = dom(&chromium, &path, width);
        let told = dom.split("<title>told: ").nth(1).and_then(|rest| rest.split("</title>").next());
        let expected = "answers=true fits=true titles=0 zoomed=true reset=true stepped=true back=true violation=true \
                        silent=true filtered=true unfiltered=true hover=true themes=true strict=true errors=none";
        assert_eq!(told, Some(expected), "{width} wide");
    }
}
