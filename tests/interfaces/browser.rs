//! A real browser for the tests: a headless Chromium that is controlled over a pipe (the `DevTools` protocol).

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{chromium, directory};

/// The time limit for anything that a page does.
const PATIENCE: Duration = Duration::from_secs(60);

/// A page in its own browser process.
pub struct Browser {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    session: Value,
    number: u64,
    /// Errors that pages reported.
    complaints: Vec<String>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts a browser. If none is installed, it prints that the test is skipped and returns `None`.
    pub fn start() -> Option<Browser> {
        let Some(program) = chromium() else {
            println!("skipped: there is no Chromium on this machine");
            return None;
        };
        let profile = directory();
        // Chromium reads commands from file descriptor 3 and writes responses to 4.
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null"])
            .arg(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Chromium starts");
        let (orders, answers) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        let answers = BufReader::new(answers);
        let mut browser = Browser {
            child,
            orders,
            answers,
            session: Value::Null,
            number: 0,
            complaints: Vec::new(),
            _profile: profile,
        };
        let page = browser.order("Target.createTarget", &json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = browser.order("Target.attachToTarget", &json!({ "targetId": page, "flatten": true }));
        browser.session = attached["sessionId"].clone();
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            browser.order(domain, &json!({}));
        }
        Some(browser)
    }

    /// Sends a command and waits for its response.
    fn order(&mut self, method: &str, parameters: &Value) -> Value {
        self.number += 1;
        let mut order = json!({ "id": self.number, "method": method, "params": parameters });
        if !self.session.is_null() {
            order["sessionId"] = self.session.clone();
        }
        self.orders.write_all(format!("{order}\0").as_bytes()).expect("Chromium listens");
        loop {
            let message = self.next();
            if message["id"] == self.number {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
        }
    }

    fn next(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.answers.read_until(0, &mut bytes).expect("Chromium speaks");
        assert_eq!(bytes.pop(), Some(0), "Chromium is there");
        let message: Value = serde_json::from_slice(&bytes).expect("JSON");
        let parameters = &message["params"];
        let complains = match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Runtime.consoleAPICalled") => parameters["type"] == "error" || parameters["type"] == "warning",
            Some("Log.entryAdded") => parameters["entry"]["level"] == "error",
            _ => false,
        };
        if complains {
            self.complaints.push(parameters.to_string());
        }
        message
    }

    /// Opens a page and waits until it is loaded.
    pub fn open(&mut self, url: &str) {
        self.order("Page.navigate", &json!({ "url": url }));
        self.wait_for("document.readyState === 'complete' && location.href !== 'about:blank'");
    }

    /// Sets the size of the window and the colour scheme that the user prefers.
    pub fn look(&mut self, width: u32, height: u32, colours: &str) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.order("Emulation.setDeviceMetricsOverride", &metrics);
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": colours }] });
        self.order("Emulation.setEmulatedMedia", &features);
    }

    /// The value of an expression in the page.
    pub fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.order("Runtime.evaluate", &parameters);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression in the page is true.
    pub fn wait_for(&mut self, expression: &str) {
        let end = Instant::now() + PATIENCE;
        while self.value(expression) != true {
            assert!(Instant::now() < end, "it does not come true: {expression}; complaints: {:?}", self.complaints);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Moves the mouse to a position.
    pub fn point_at(&mut self, x: f64, y: f64) {
        self.order("Input.dispatchMouseEvent", &json!({ "type": "mouseMoved", "x": x, "y": y }));
    }

    /// Drags the mouse from one position to another.
    pub fn drag(&mut self, (x, y): (f64, f64), to: f64) {
        let with = |kind: &str, x: f64| json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
        self.order("Input.dispatchMouseEvent", &with("mousePressed", x));
        self.order("Input.dispatchMouseEvent", &with("mouseMoved", to));
        self.order("Input.dispatchMouseEvent", &with("mouseReleased", to));
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str) {
        self.order("Input.dispatchKeyEvent", &json!({ "type": "keyDown", "key": key }));
        self.order("Input.dispatchKeyEvent", &json!({ "type": "keyUp", "key": key }));
    }

    /// The errors that pages reported since the last call.
    pub fn complaints(&mut self) -> Vec<String> {
        std::mem::take(&mut self.complaints)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
