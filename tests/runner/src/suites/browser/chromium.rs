//! A headless Chromium, driven by its DevTools protocol over a pipe: a JSON object per message, each ended by a NUL.
//!
//! Libraries for the protocol speak it over a websocket, and bring an async runtime or a hundred crates for that.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

/// For each answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Both ends of the protocol are descriptors 3 and 4 there.
const START: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#;

const OPTIONS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    // No name has an address: what the page fetched from a network would fail, and be seen.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--remote-debugging-pipe",
];

/// A browser with one page.
pub(super) struct Chromium {
    child: Child,
    requests: ChildStdin,
    messages: Receiver<Value>,
    number: u64,
    session: String,
    /// What happened, since the start.
    pub(super) events: Vec<Value>,
    #[expect(dead_code, reason = "it is removed with this")]
    data: TempDir,
}

impl Chromium {
    /// Starts the program with an empty profile, and opens an empty page.
    pub(super) fn start(program: &Path) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let mut command = Command::new("sh");
        command.args(["-c", START]).arg(program).args(OPTIONS);
        command.arg(format!("--user-data-dir={}", data.path().display())).arg("about:blank");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().context("cannot start the browser")?;
        let requests = child.stdin.take().expect("it is piped");
        let mut answers = BufReader::new(child.stdout.take().expect("it is piped"));
        let (sender, messages) = channel();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            while answers.read_until(0, &mut bytes).is_ok_and(|count| count > 0) {
                bytes.pop();
                let Ok(message) = serde_json::from_slice(&bytes) else { break };
                if sender.send(message).is_err() {
                    break;
                }
                bytes.clear();
            }
        });
        let session = String::new();
        let mut browser = Self { child, requests, messages, number: 0, session, events: Vec::new(), data };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }))?;
        let attached = browser
            .call("Target.attachToTarget", &json!({ "targetId": target["targetId"], "flatten": true }))?;
        browser.session = attached["sessionId"].as_str().context("no session")?.to_owned();
        for domain in ["Page", "Runtime", "Network", "Log"] {
            browser.call(&format!("{domain}.enable"), &json!({}))?;
        }
        Ok(browser)
    }

    /// Makes a request, and waits for its answer.
    pub(super) fn call(&mut self, method: &str, parameters: &Value) -> Result<Value> {
        self.number += 1;
        let mut request = json!({ "id": self.number, "method": method, "params": parameters });
        if !self.session.is_empty() {
            request["sessionId"] = json!(self.session);
        }
        let mut bytes = serde_json::to_vec(&request)?;
        bytes.push(0);
        self.requests.write_all(&bytes).context("the browser is gone")?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut message = self.next(deadline).with_context(|| method.to_owned())?;
            if message["id"] != json!(self.number) {
                self.events.push(message);
            } else if let Some(error) = message.get("error") {
                bail!("{method}: {error}");
            } else {
                return Ok(message["result"].take());
            }
        }
    }

    fn next(&self, deadline: Instant) -> Result<Value> {
        let left = deadline.saturating_duration_since(Instant::now());
        self.messages.recv_timeout(left).map_err(|_| anyhow!("the browser does not answer"))
    }

    /// Opens a page, and waits until it is there with all that belongs to it.
    pub(super) fn open(&mut self, address: &str) -> Result<()> {
        // Away from where a fragment alone would be a jump.
        for address in ["about:blank", address] {
            let seen = self.events.len();
            let met = self.call("Page.navigate", &json!({ "url": address }))?;
            ensure!(met.get("errorText").is_none(), "{address}: {}", met["errorText"]);
            let loaded = |event: &Value| event["method"] == json!("Page.loadEventFired");
            let deadline = Instant::now() + PATIENCE;
            while !self.events[seen..].iter().any(loaded) {
                let event = self.next(deadline).with_context(|| format!("loading {address}"))?;
                self.events.push(event);
            }
        }
        Ok(())
    }

    /// The value of an expression on the page; a promise is waited for.
    pub(super) fn ask(&mut self, expression: &str) -> Result<Value> {
        let mut answer = self.call(
            "Runtime.evaluate",
            &json!({ "expression": expression, "returnByValue": true, "awaitPromise": true }),
        )?;
        if let Some(exception) = answer.get("exceptionDetails") {
            bail!("{expression}: {exception}");
        }
        Ok(answer["result"]["value"].take())
    }

    /// The size of the window's inside, in pixels.
    pub(super) fn resize(&mut self, width: u32, height: u32) -> Result<()> {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &size)?;
        Ok(())
    }

    /// Light or dark, on a screen or on paper.
    pub(super) fn appearance(&mut self, medium: &str, scheme: &str) -> Result<()> {
        let scheme = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", &json!({ "media": medium, "features": scheme }))?;
        Ok(())
    }

    /// Types a text where the focus is.
    pub(super) fn write(&mut self, text: &str) -> Result<()> {
        self.call("Input.insertText", &json!({ "text": text }))?;
        Ok(())
    }

    /// Presses a key that writes nothing, or what `text` says.
    pub(super) fn press(&mut self, key: &str, code: u32, text: &str) -> Result<()> {
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({ "type": kind, "key": key, "windowsVirtualKeyCode": code, "code": key });
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = json!(text);
            }
            self.call("Input.dispatchKeyEvent", &event)?;
        }
        Ok(())
    }

    /// What is to be seen, as a PNG.
    pub(super) fn picture(&mut self) -> Result<Vec<u8>> {
        let picture = self.call("Page.captureScreenshot", &json!({ "format": "png" }))?;
        let text = picture["data"].as_str().context("no picture")?;
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).context("no picture")
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Its other processes end with the first.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
