//! The dashboard over a real socket, and in a real browser if one is installed.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::interfaces::browser::Browser;
use crate::support::{directory, failing, vopr};

/// A dashboard process that ends with the test.
pub struct Dashboard {
    child: Child,
    address: SocketAddr,
}

impl Dashboard {
    fn of(data: &Path) -> Dashboard {
        Dashboard::by(Path::new(env!("CARGO_BIN_EXE_vopr")), data)
    }

    /// Starts the dashboard of another program.
    pub fn by(program: &Path, data: &Path) -> Dashboard {
        let mut child = Command::new(program)
            .args(["dashboard", "--port", "0", "--data-dir"])
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("its address");
        let address = line.trim().strip_prefix("http://").and_then(|it| it.strip_suffix('/')).expect("an address");
        Dashboard { address: address.parse().expect("an address"), child }
    }

    /// Sends a raw request and returns the raw response.
    fn send(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        stream.write_all(request.as_bytes()).expect("it takes the request");
        let mut answer = Vec::new();
        // If the request is rejected early, the connection may be reset.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn get(&self, path: &str) -> String {
        let host = self.address;
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
    }

    /// The response of a page that must exist.
    pub fn page(&self, path: &str) -> String {
        let page = self.get(path);
        assert!(page.starts_with("HTTP/1.1 200 "), "{path}: {page}");
        page
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A data directory with a failure, its minimized version, a log, and malicious files.
fn data_directory() -> tempfile::TempDir {
    let here = directory();
    let original = &failing().files[0];
    let failure = here.path().join("failure-1.kmb");
    fs::copy(original, &failure).expect("copied");
    let arguments = format!("minimize {} --output {0}.min --time 5s --jobs 1", failure.display());
    vopr(here.path(), &arguments).assert().success();
    fs::rename(here.path().join("failure-1.kmb.min"), here.path().join("failure-1.min.kmb")).expect("renamed");
    let bytes = fs::read(original).expect("a file");
    fs::write(here.path().join("<script>alert(1).kmb"), "nonsense").expect("written");
    fs::write(here.path().join("cut.kmb"), &bytes[..bytes.len() / 2]).expect("written");
    fs::write(here.path().join("large.kmb"), vec![0; 2 << 20]).expect("written");
    fs::create_dir(here.path().join("folder.kmb")).expect("created");
    let log = "{\"at\":1795420437,\"kind\":\"started\",\"version\":\"0.1.0\",\"system\":\"<b>vsr</b>\",\"system_version\":\"0.1.0\",\
               \"bugs\":[],\"targets\":[\"combined\"],\"jobs\":1,\"seed\":\"1\"}\n";
    fs::write(here.path().join("campaign.jsonl"), log.to_string() + &progress(10_000, 500) + &progress(20_000, 700))
        .expect("written");
    here
}

/// A progress record of a campaign's log.
fn progress(milliseconds: u64, states: usize) -> String {
    let zeros = ["0"; 7].join(",");
    format!(
        "{{\"at\":1795420447,\"kind\":\"progress\",\"target\":\"combined\",\"milliseconds\":{milliseconds},\"runs\":1234,\
         \"violated\":1,\"states\":{states},\"once\":50,\"twice\":10,\"regions\":[{states},{zeros}],\"corpus\":9,\"checks\":[7]}}\n"
    )
}

/// One address for each kind of page.
fn pages(dashboard: &Dashboard) -> Vec<String> {
    let list = dashboard.page("/failures");
    let (_, rest) = list.split_once("href=\"/failures/").expect("a failure");
    let failure = format!("/failures/{}", &rest[..12]);
    let others = ["/", "/scenarios", "/scenarios/combined", "/failures", "/coverage", "/invariants"];
    others.into_iter().map(str::to_string).chain([failure]).collect()
}

#[test]
fn every_page_has_its_content_and_a_strict_policy() {
    let here = data_directory();
    let dashboard = Dashboard::of(here.path());
    let failing = failing();
    for path in pages(&dashboard) {
        let page = dashboard.page(&path);
        let (head, body) = page.split_once("\r\n\r\n").expect("a head");
        let head = head.to_lowercase();
        for header in [
            "content-security-policy: default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
        ] {
            assert!(head.contains(header), "{path}: {head}");
        }
        assert!(body.contains("<h1") && body.ends_with("</html>"), "{path}");
        assert!(
            !body.contains("style=") && !body.contains("<style") && !body.contains("onclick"),
            "{path} needs no more"
        );
        assert!(!body.contains("<script>") && !body.contains("<b>vsr"), "{path} escapes what files say");
        let says = match &*path {
            "/" => "1,234",
            "/scenarios" | "/scenarios/combined" => "dvc-inflated-commit",
            "/failures" => "&lt;script&gt;alert(1).kmb",
            "/coverage" => "700 after 20 s",
            "/invariants" => "vsr_prefix_property",
            _ => "reproduced: the same violation and the same digest",
        };
        assert!(path == "/scenarios" || body.contains(says), "{path} does not say {says}: {body}");
        assert!(path != "/scenarios" || body.contains("swizzle_clogging"), "{body}");
    }
    let failure = dashboard.page(&pages(&dashboard)[6]);
    assert!(failure.contains(&failing.bug) && failure.contains(&failing.scenario), "{failure}");
    let unreadable = dashboard.page("/failures");
    for file in ["cut.kmb", "large.kmb"] {
        assert!(unreadable.contains(file), "{file} is listed");
    }
    assert!(!unreadable.contains("folder.kmb"));
}

#[test]
fn a_failure_that_cannot_be_run_still_has_a_page() {
    let here = directory();
    let bytes = fs::read(&failing().files[0]).expect("a file");
    let mut kmb = engine::cases::kmb::Kmb::decode(&bytes).expect("a failure");
    kmb.case.system = "elsewhere".to_string();
    kmb.expected.as_mut().expect("a violation").seen = "<i>seen</i>\u{1b}[2J".to_string();
    fs::write(here.path().join("it's $(foreign).kmb"), kmb.encode().expect("bytes")).expect("written");
    let dashboard = Dashboard::of(here.path());
    let page = dashboard.page(&format!("/failures/{}", kmb.name()));
    assert!(page.contains("It could not be run again here: unknown system `elsewhere`"), "{page}");
    assert!(page.contains("&lt;i&gt;seen&lt;/i&gt;") && !page.contains('\u{1b}'), "{page}");
    assert!(page.contains(r"it'\''s $(foreign).kmb'"), "the shell takes the name literally: {page}");
}

#[test]
fn missing_pages_are_not_found_and_no_address_becomes_a_path() {
    let here = data_directory();
    fs::write(here.path().join("secret.txt"), "secret").expect("written");
    let dashboard = Dashboard::of(here.path());
    for path in [
        "/nothing",
        "/scenarios/nothing",
        "/failures/nothing",
        "/failures/failure-1.kmb",
        "/failures/..%2fsecret.txt",
        "/failures/../secret.txt",
        "/secret.txt",
        "/failures/%00",
    ] {
        let page = dashboard.get(path);
        assert!(page.starts_with("HTTP/1.1 404 ") && page.contains("no-referrer"), "{path}: {page}");
    }
    assert!(dashboard.get("/failures/%ff").starts_with("HTTP/1.1 400 "), "no text at all");
}

#[test]
fn only_own_host_names_and_read_requests_are_accepted() {
    let here = directory();
    let dashboard = Dashboard::of(here.path());
    let port = dashboard.address.port();
    let with = |head: &str| dashboard.send(&format!("{head}\r\nConnection: close\r\n\r\n"));
    for host in ["localhost", &format!("localhost:{port}"), &format!("127.0.0.1:{port}"), "[::1]"] {
        assert!(with(&format!("GET / HTTP/1.1\r\nHost: {host}")).starts_with("HTTP/1.1 200 "), "{host}");
    }
    for head in [
        "GET / HTTP/1.1\r\nHost: evil.example",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example",
        "GET http://evil.example/ HTTP/1.1\r\nHost: localhost",
        "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example",
        "GET / HTTP/1.0",
        "POST / HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0",
    ] {
        assert!(
            with(head).starts_with("HTTP/1.1 421 ") || with(head).starts_with("HTTP/1.0 421 "),
            "{head}: {}",
            with(head)
        );
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let answer = with(&format!("{method} /failures HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0"));
        assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("GET, HEAD"), "{method}: {answer}");
    }
    let head = with("HEAD / HTTP/1.1\r\nHost: localhost");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
    let long = with(&format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}", "x".repeat(2 << 20)));
    assert!(!long.contains(" 200 "), "a request has bounds");
    assert!(with("GET / HTTP/1.1\r\nHost: localhost").starts_with("HTTP/1.1 200 "), "and nothing of it did harm");
}

#[test]
fn an_open_page_receives_updates() {
    let here = data_directory();
    let dashboard = Dashboard::of(here.path());
    let stream = TcpStream::connect(dashboard.address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    (&stream).write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it takes the request");
    let mut lines = BufReader::new(stream).lines();
    let mut next = |wanted: &str| lines.find(|line| line.as_ref().is_ok_and(|line| line.contains(wanted))).is_some();
    assert!(next("text/event-stream") && next("700"));
    let mut log = fs::File::options().append(true).open(here.path().join("campaign.jsonl")).expect("the log");
    log.write_all(progress(30_000, 54_321).as_bytes()).expect("written");
    assert!(next("54,321"), "the new number of states");
}

#[test]
fn unusable_addresses_and_directories_exit_with_3() {
    let here = directory();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    for arguments in [
        format!("dashboard --data-dir . --port {port}"),
        "dashboard --data-dir . --port 0 --host 203.0.113.1".to_string(),
        "dashboard --data-dir nowhere --port 0".to_string(),
    ] {
        let output = vopr(here.path(), &arguments).assert().code(3).get_output().clone();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(errors.lines().count(), 1, "{arguments}: {errors}");
        assert!(errors.starts_with("error: ") && output.stdout.is_empty(), "{arguments}: {errors}");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_dashboard_while_a_page_is_open() {
    let here = data_directory();
    let mut dashboard = Dashboard::of(here.path());
    let mut stream = TcpStream::connect(dashboard.address).expect("it listens");
    stream.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it takes the request");
    assert!(stream.read(&mut [0; 16]).expect("an answer") > 0);
    Command::new("kill").args(["-INT", &dashboard.child.id().to_string()]).status().expect("kill runs");
    assert_eq!(dashboard.child.wait().expect("it ends").code(), Some(0));
}

/// True if the page is wider than the window, which no page may be.
const TOO_WIDE: &str = "document.documentElement.scrollWidth > innerWidth";

#[test]
fn every_page_works_in_a_browser_on_a_desktop_and_on_a_phone() {
    let Some(mut browser) = Browser::start() else { return };
    let here = data_directory();
    let dashboard = Dashboard::of(here.path());
    for path in pages(&dashboard) {
        for (width, colours) in [(1280, "light"), (360, "dark")] {
            browser.look(width, 800, colours);
            browser.open(&dashboard.url(&path));
            assert_eq!(browser.value(TOO_WIDE), false, "{path} at {width}");
            let ground = browser.value("getComputedStyle(document.body).backgroundColor");
            assert_eq!(ground == "rgb(247, 248, 250)", colours == "light", "{path} in {colours}: {ground}");
            assert_eq!(browser.complaints(), [""; 0], "{path} at {width}");
        }
    }
}

#[test]
fn a_browser_shows_live_updates_and_filters_lists() {
    let Some(mut browser) = Browser::start() else { return };
    let here = data_directory();
    let dashboard = Dashboard::of(here.path());
    browser.open(&dashboard.url("/"));
    browser.wait_for("document.getElementById('connection').textContent === 'live'");
    let mut log = fs::File::options().append(true).open(here.path().join("campaign.jsonl")).expect("the log");
    log.write_all(progress(30_000, 54_321).as_bytes()).expect("written");
    browser.wait_for("document.getElementById('live').textContent.includes('54,321')");
    browser.open(&dashboard.url("/scenarios"));
    browser.value("filter.value = 'swizzle'; filter.dispatchEvent(new Event('input')); true");
    let shown = "[...document.querySelectorAll('tbody tr')].filter((row) => row.checkVisibility()).length";
    assert_eq!(browser.value(shown), 1);
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn the_timeline_of_a_failure_is_interactive_in_a_browser() {
    let Some(mut browser) = Browser::start() else { return };
    let here = data_directory();
    let dashboard = Dashboard::of(here.path());
    browser.look(1280, 3_000, "light");
    browser.open(&dashboard.url(&pages(&dashboard)[6]));
    browser.wait_for("document.querySelector('.timeline-figure.answers') !== null");
    let place = "document.querySelector('svg.timeline .finding path').getAttribute('transform')";
    let middle = |browser: &mut Browser| {
        let value = browser.value(
            "(() => { const box = document.querySelector('svg.timeline').getBoundingClientRect(); \
                                   return [box.x + box.width / 2, box.y + box.height / 2]; })()",
        );
        (value[0].as_f64().expect("a number"), value[1].as_f64().expect("a number"))
    };
    // Zooms with the keyboard, then pans with the mouse. Each of them moves the violation.
    let before = browser.value(place);
    browser.value("document.querySelector('svg.timeline').focus(); true");
    browser.press("+");
    browser.press("+");
    browser.wait_for(&format!("{place} !== {before}"));
    let zoomed = browser.value(place);
    let (x, y) = middle(&mut browser);
    browser.drag((x, y), x + 150.0);
    browser.wait_for(&format!("{place} !== {zoomed}"));
    browser.press("0");
    browser.wait_for(&format!("{place} === {before}"));
    // Hovering over the bar of a replica shows its state.
    let bar = browser.value(
        "(() => { const box = document.querySelector('svg.timeline rect.span').getBoundingClientRect(); \
                             return [box.x + Math.min(box.width, 60) / 2, box.y + box.height / 2]; })()",
    );
    browser.point_at(bar[0].as_f64().expect("a number"), bar[1].as_f64().expect("a number"));
    browser.wait_for("!document.querySelector('.timeline-tip').hidden && document.querySelector('.timeline-tip').textContent.length > 3");
    // A filter hides all arrows of a kind.
    let shown = "[...document.querySelectorAll('svg.timeline .message')].filter((it) => getComputedStyle(it).display !== 'none').length";
    assert!(browser.value(shown).as_u64() > Some(0));
    browser.value("document.querySelectorAll('input[data-kind]:checked').forEach((box) => box.click()); true");
    assert_eq!(browser.value(shown), 0);
    assert_eq!(browser.complaints(), [""; 0]);
}
