//! What is looked at.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{Check, Page};

macro_rules! checks {
    ($($check:ident)*) => { &[$((stringify!($check), $check as Check)),*] };
}

pub(super) const ALL: &[(&str, Check)] = checks! {
    it_loads_from_a_file_and_asks_for_nothing_else
    the_summary_is_the_reports
    nothing_is_cut_off_at_1280_pixels
    nothing_is_cut_off_at_400_pixels
    the_search_leaves_what_matches
    the_filters_leave_what_they_say
    every_link_leads_somewhere
    links_unfold_what_they_lead_to
    the_keyboard_is_enough
    texts_can_be_read_in_light_and_dark
    it_prints
    without_the_script_everything_is_there
};

/// Asks, and compares.
fn expect(page: &mut Page<'_>, expression: &str, expected: &Value) -> Result<()> {
    let met = page.browser.ask(expression)?;
    ensure!(met == *expected, "{expression} is {met}, expected {expected}");
    Ok(())
}

fn it_loads_from_a_file_and_asks_for_nothing_else(page: &mut Page<'_>) -> Result<()> {
    page.browser.events.clear();
    page.open("")?;
    let title = format!("Conformance of profile {}", page.report.origin.profile);
    expect(page, "document.title", &json!(title))?;
    let address = json!(page.address);
    for event in &page.browser.events {
        let parameters = &event["params"];
        match event["method"].as_str().unwrap_or_default() {
            "Network.requestWillBeSent" => {
                let asked = &parameters["request"]["url"];
                ensure!(*asked == address || *asked == json!("about:blank"), "the page asked for {asked}");
            }
            "Runtime.exceptionThrown" => anyhow::bail!("an exception: {}", parameters["exceptionDetails"]),
            "Log.entryAdded" => anyhow::bail!("the browser complains: {}", parameters["entry"]["text"]),
            _ => {}
        }
    }
    Ok(())
}

fn the_summary_is_the_reports(page: &mut Page<'_>) -> Result<()> {
    page.open("")?;
    let counts = page.report.summary;
    let numbers = "[...document.querySelectorAll('.number')].map((one) => Number(one.textContent))";
    let refused = counts.refused + counts.ignored;
    expect(page, numbers, &json!([counts.held, counts.broken, counts.leaking, counts.unproven, refused]))?;
    let bad = page.report.rules.iter().flat_map(|rule| &rule.probes).filter(|probe| !probe.verdict.is_good());
    expect(page, "document.querySelectorAll('.problems li').length", &json!(bad.count()))?;
    // Each rule of either profile has its card with its text.
    let rules = page.report.rules.len() + page.report.others.iter().map(|one| one.rules.len()).sum::<usize>();
    expect(page, "document.querySelectorAll('.card[id]').length", &json!(rules))
}

/// What sticks out of the page, is cut off, or lies outside of the window though one has to reach it. Text that nobody
/// sees is for screen readers.
const CUT_OFF: &str = r#"(() => {
  const wrong = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) wrong.push(`the page is ${root.scrollWidth} pixels wide`);
  const name = (one) => one.tagName + "." + one.className + " " + one.textContent.trim().slice(0, 40);
  for (const one of document.querySelectorAll("body *")) {
    if (one.closest(".spoken, .bar, script, option") || !one.checkVisibility()) continue;
    const box = one.getBoundingClientRect();
    if (box.width === 0) continue;
    if (box.left < -0.5 || box.right > root.clientWidth + 0.5) wrong.push("outside: " + name(one));
    const style = getComputedStyle(one);
    const text = one.children.length === 0 && one.textContent.trim() !== "";
    if ((text || style.overflowX !== "visible") && style.display !== "inline" && one.scrollWidth > one.clientWidth + 1 && one.tagName !== "INPUT")
      wrong.push("cut off: " + name(one));
    if (one.matches("input, select, button, summary, a") && one.closest(".controls, .call h2, .toggle") && (box.height < 12 || box.width < 8))
      wrong.push("too small: " + name(one));
  }
  return wrong.slice(0, 10);
})()"#;

/// Unfolds everything.
const UNFOLD: &str = r#"(() => {
  for (const one of document.querySelectorAll("details")) one.open = true;
  for (const one of document.querySelectorAll(".toggle[aria-expanded=false]")) one.click();
})()"#;

fn fits(page: &mut Page<'_>, width: u32) -> Result<()> {
    page.browser.resize(width, 900)?;
    page.open("")?;
    page.keep(&format!("{width}"))?;
    expect(page, CUT_OFF, &json!([]))?;
    expect(page, "document.querySelector('.controls').checkVisibility()", &json!(true))?;
    page.open("#sendto.flags.MSG_NOSIGNAL")?;
    page.keep(&format!("{width}-value"))?;
    page.browser.ask(UNFOLD)?;
    page.keep(&format!("{width}-unfolded"))?;
    expect(page, CUT_OFF, &json!([]))
}

fn nothing_is_cut_off_at_1280_pixels(page: &mut Page<'_>) -> Result<()> {
    fits(page, 1280)
}

fn nothing_is_cut_off_at_400_pixels(page: &mut Page<'_>) -> Result<()> {
    fits(page, 400)?;
    page.browser.resize(1280, 900)
}

/// The values that are shown, as `call value`.
const SHOWN: &str = r#"[...document.querySelectorAll("tr.feature, tr.undeclared li")]
  .filter((one) => !one.closest("[hidden]"))
  .map((one) => one.closest("section").dataset.call + " " + (one.querySelector("code") ?? one).textContent)"#;

fn shown(page: &mut Page<'_>) -> Result<Vec<String>> {
    Ok(serde_json::from_value(page.browser.ask(SHOWN)?)?)
}

fn the_search_leaves_what_matches(page: &mut Page<'_>) -> Result<()> {
    page.open("")?;
    let all = shown(page)?.len();
    page.browser.ask("document.getElementById('search').focus()")?;
    page.browser.write("msg_peek")?;
    let found = shown(page)?;
    ensure!(!found.is_empty() && found.iter().all(|one| one.ends_with(" MSG_PEEK")), "{found:?}");
    let text = format!("{} values", found.len());
    expect(page, "document.getElementById('count').textContent", &json!(text))?;
    page.browser.write(" recvfrom")?;
    let found = shown(page)?;
    ensure!(found == ["recvfrom MSG_PEEK"], "{found:?}");
    page.keep("search")?;
    page.browser.write(" nonsense")?;
    ensure!(shown(page)?.is_empty());
    expect(page, "document.getElementById('nothing').checkVisibility()", &json!(true))?;
    page.browser.ask("document.getElementById('clear').click()")?;
    ensure!(shown(page)?.len() == all, "the filters are cleared");
    Ok(())
}

fn select(page: &mut Page<'_>, what: &str, value: &str) -> Result<()> {
    let expression = format!(
        "(() => {{ const one = document.getElementById({what:?}); one.value = {value:?}; \
         one.dispatchEvent(new Event('change')); return one.value; }})()"
    );
    expect(page, &expression, &json!(value))
}

fn show(page: &mut Page<'_>, word: &str) -> Result<usize> {
    page.browser.ask(&format!("document.querySelector('.chips [data-show={word:?}]').click()"))?;
    Ok(shown(page)?.len())
}

fn the_filters_leave_what_they_say(page: &mut Page<'_>) -> Result<()> {
    page.open("")?;
    select(page, "call", "shutdown")?;
    let found = shown(page)?;
    ensure!(!found.is_empty() && found.iter().all(|one| one.starts_with("shutdown ")), "{found:?}");
    select(page, "call", "")?;
    select(page, "family", "AF_VSOCK")?;
    let columns = "[...document.querySelectorAll('th.family')].filter((one) => one.checkVisibility()).map((one) => one.textContent)";
    let families = page.browser.ask(columns)?;
    ensure!(
        families.as_array().is_some_and(|all| all.iter().all(|one| *one == json!("VSOCK"))),
        "{families}"
    );
    select(page, "family", "")?;
    let [here, there, differences] = [show(page, "here")?, show(page, "there")?, show(page, "differs")?];
    ensure!(here > 0 && there > 0 && differences > 0, "{here} {there} {differences}");
    ensure!(differences < here + there, "something is declared by both");
    let problems = show(page, "bad")?;
    let counts = page.report.summary;
    ensure!((problems > 0) != counts.is_good(), "{problems} problems, and the report says {counts:?}");
    show(page, "")?;
    Ok(())
}

fn every_link_leads_somewhere(page: &mut Page<'_>) -> Result<()> {
    page.open("")?;
    let missing = r##"[...document.querySelectorAll("a[href^='#']")].map((one) => one.getAttribute("href"))
      .filter((link) => !document.getElementById(decodeURIComponent(link.slice(1)))).slice(0, 5)"##;
    expect(page, missing, &json!([]))?;
    let twice = r#"(() => { const seen = new Set();
      return [...document.querySelectorAll("[id]")].map((one) => one.id)
        .filter((id) => seen.has(id) || !seen.add(id)).slice(0, 5); })()"#;
    expect(page, twice, &json!([]))
}

/// Whether the element is unfolded and in the window.
fn in_sight(page: &mut Page<'_>, id: &str) -> Result<()> {
    let expression = format!(
        "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {{
           const one = document.getElementById({id:?});
           const box = one.getBoundingClientRect();
           done(one.checkVisibility() && box.bottom > 0 && box.top < innerHeight && box.height > 0);
         }})))"
    );
    expect(page, &expression, &json!(true))
}

fn links_unfold_what_they_lead_to(page: &mut Page<'_>) -> Result<()> {
    let profile = page.report.origin.profile.clone();
    let places = [
        "sendto.flags.MSG_NOSIGNAL".to_owned(),
        "sendto.flags.MSG_NOSIGNAL.AF_UNIX.SOCK_STREAM".to_owned(),
        "getsockopt.optname.SOL_SOCKET.SO_TYPE".to_owned(),
        format!("rule.{profile}.setsockopt-1"),
        "rule.asterinas.socket-2".to_owned(),
        "call.shutdown".to_owned(),
    ];
    for place in &places {
        page.open(&format!("#{place}"))?;
        in_sight(page, place)?;
    }
    // From place to place, where a filter hides what is linked to.
    page.open("")?;
    select(page, "call", "shutdown")?;
    for place in &places {
        page.browser.ask(&format!("location.hash = {place:?}"))?;
        in_sight(page, place)?;
    }
    // An undeclared value, in what was folded.
    let value = page.browser.ask("document.querySelector('.outcome li[id]').id")?;
    let value = value.as_str().unwrap_or_default();
    page.open(&format!("#{value}"))?;
    in_sight(page, value)?;
    page.keep("undeclared")
}

fn the_keyboard_is_enough(page: &mut Page<'_>) -> Result<()> {
    page.open("")?;
    page.browser.press("/", 191, "/")?;
    expect(page, "document.activeElement.id", &json!("search"))?;
    page.browser.write("msg_nosignal sendto")?;
    // On to the first value: the selections, the chips, the call's link, its rules.
    let mut reached = Vec::new();
    for _ in 0..20 {
        page.browser.press("Tab", 9, "")?;
        let here = page.browser.ask("document.activeElement.className + document.activeElement.id")?;
        let is_value = here == json!("toggle");
        reached.push(here);
        if is_value {
            break;
        }
    }
    ensure!(reached.last() == Some(&json!("toggle")), "Tab went to {reached:?}");
    page.browser.press("Enter", 13, "\r")?;
    expect(page, "document.activeElement.getAttribute('aria-expanded')", &json!("true"))?;
    let detail =
        "document.getElementById(document.activeElement.getAttribute('aria-controls')).checkVisibility()";
    expect(page, detail, &json!(true))?;
    page.browser.ask("document.getElementById('search').focus()")?;
    page.browser.press("Escape", 27, "")?;
    expect(page, "document.getElementById('search').value", &json!(""))
}

/// Texts whose contrast with what is behind them is below 4.5, as the Web Content Accessibility Guidelines want it.
const FAINT: &str = r#"(() => {
  const numbers = (color) => color.match(/[\d.]+/g).map(Number);
  const light = (color) => {
    const [red, green, blue] = color.map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const over = (top, bottom) => top.slice(0, 3).map((part, index) => part * (top[3] ?? 1) + bottom[index] * (1 - (top[3] ?? 1)));
  const behind = (one) => {
    const layers = [];
    for (let at = one; at; at = at.parentElement) layers.push(numbers(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const faint = new Map();
  for (const one of document.querySelectorAll("body *")) {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== "");
    // Signs stand beside words, or have them as their title.
    if (!own || !one.checkVisibility() || one.closest(".spoken, script, .here, option, .sign, .other, .zero")) continue;
    const [text, ground] = [numbers(getComputedStyle(one).color), behind(one)].map(([...color]) => color);
    const [high, low] = [light(over(text, ground)), light(ground)].sort((a, b) => b - a);
    const contrast = (high + 0.05) / (low + 0.05);
    if (contrast < 4.5) faint.set(one.tagName + "." + one.className, contrast.toFixed(2));
  }
  return [...faint].slice(0, 10);
})()"#;

fn texts_can_be_read_in_light_and_dark(page: &mut Page<'_>) -> Result<()> {
    for scheme in ["light", "dark"] {
        page.browser.appearance("", scheme)?;
        page.open("#sendto.flags.MSG_NOSIGNAL")?;
        page.browser.ask(UNFOLD)?;
        expect(page, FAINT, &json!([]))?;
        page.keep(scheme)?;
    }
    let grounds = "getComputedStyle(document.body).backgroundColor";
    let dark = page.browser.ask(grounds)?;
    page.browser.appearance("", "light")?;
    let light = page.browser.ask(grounds)?;
    ensure!(dark != light, "both are {light}");
    Ok(())
}

fn it_prints(page: &mut Page<'_>) -> Result<()> {
    page.open("")?;
    page.browser.appearance("print", "light")?;
    expect(page, "document.querySelector('.controls').checkVisibility()", &json!(false))?;
    // The width of A4 at 96 pixels an inch, less margins.
    page.browser.resize(718, 900)?;
    expect(page, CUT_OFF, &json!([]))?;
    page.browser.resize(1280, 900)?;
    page.browser.appearance("", "light")
}

fn without_the_script_everything_is_there(page: &mut Page<'_>) -> Result<()> {
    let off = |page: &mut Page<'_>, off: bool| {
        page.browser.call("Emulation.setScriptExecutionDisabled", &json!({ "value": off })).map(|_| ())
    };
    off(page, true)?;
    let result = page.open("").and_then(|()| {
        let folded = "[...document.querySelectorAll('tr.detail, tr.feature')].filter((one) => !one.checkVisibility()).length";
        expect(page, folded, &json!(0))
    });
    off(page, false)?;
    result
}
