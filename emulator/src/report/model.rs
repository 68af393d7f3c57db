//! The report as `target/report/report.json` keeps it.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// A conformance report.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Report {
    /// What was compared with what.
    pub origin: Origin,
    /// The sums over all rules.
    pub summary: Counts,
    /// The rules that the guest's profile consists of, in the order of their files.
    pub rules: Vec<Rule>,
    /// What other profiles declare, which nobody has probed.
    #[serde(default)]
    pub others: Vec<OtherProfile>,
}

/// What a profile declares that the guest did not enforce.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OtherProfile {
    /// Its name.
    pub name: String,
    /// Its rules, in the order of their files.
    pub rules: Vec<DeclaredRule>,
}

/// A rule, and what it declares.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DeclaredRule {
    /// Call and number, as in `socket#1`.
    pub id: String,
    /// The call's name.
    pub call: String,
    /// The file that declares it.
    pub file: String,
    /// The line in the file, from 1.
    pub line: usize,
    /// The rule as it is written there.
    pub text: String,
    /// What it declares.
    pub alternatives: Vec<Alternative>,
}

/// A value that a rule declares for an argument, on one kind of socket.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Alternative {
    /// The argument, and the fields from it to the value, separated by points.
    pub argument: String,
    /// The level that an option or a control message belongs to; else empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub under: String,
    /// The value's name, as the rule has it.
    pub value: String,
    /// The kind of socket, as in `AF_UNIX SOCK_STREAM`.
    pub on: String,
}

/// What was compared with what, and when.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Origin {
    /// The profile.
    pub profile: String,
    /// The host's kernel, which is the measure: its name and release.
    pub host: String,
    /// How the guest ran.
    pub guest: String,
    /// When, in seconds since 1970.
    pub time: u64,
}

/// How many.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Alternatives that the profile declares.
    pub declared: usize,
    /// Those of them that were tried on both sides.
    pub probed: usize,
    /// Those of the probed that were accepted and behaved, on both sides, and that behaviour tests make use of.
    pub held: usize,
    /// Those of the probed that were not.
    pub broken: usize,
    /// Undeclared neighbours that were not refused as on Linux: accepted, refused with another errno, or not without
    /// effect.
    pub leaking: usize,
    /// Declared alternatives that no behaviour test makes use of, and those and neighbours that were not tried on both
    /// sides.
    pub unproven: usize,
    /// Undeclared neighbours.
    pub neighbours: usize,
    /// Neighbours that were refused as on Linux.
    pub refused: usize,
    /// Neighbours that the guest refuses and Linux ignores.
    pub ignored: usize,
}

impl Counts {
    /// Whether everything declared holds and nothing else is let through.
    pub fn is_good(&self) -> bool {
        self.broken == 0 && self.leaking == 0 && self.unproven == 0
    }

    /// Counts one probe of a rule. Declared alternatives are counted apart, as `declared`, when they are known.
    pub(super) fn add(&mut self, probe: &Probe) {
        match probe.kind {
            ProbeKind::Declared => self.declared += 1,
            ProbeKind::Neighbour => self.neighbours += 1,
        }
        let verdict = match probe.verdict {
            Verdict::Held => &mut self.held,
            Verdict::Broken => &mut self.broken,
            Verdict::Refused => &mut self.refused,
            Verdict::LinuxIgnores => &mut self.ignored,
            Verdict::Leaking => &mut self.leaking,
            Verdict::Unproven => &mut self.unproven,
        };
        *verdict += 1;
        if probe.kind == ProbeKind::Declared && probe.guest.is_some() && probe.host.is_some() {
            self.probed += 1;
        }
    }

    pub(super) fn sum(rules: &[Rule]) -> Self {
        let mut sum = Self::default();
        rules.iter().flat_map(|rule| &rule.probes).for_each(|probe| sum.add(probe));
        sum
    }
}

/// A rule of the profile, and what came of its probes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Rule {
    /// Call and number, as in `socket#1`.
    pub id: String,
    /// The call's name.
    pub call: String,
    /// The file that declares it.
    pub file: String,
    /// The line in the file, from 1.
    pub line: usize,
    /// The rule as it is written there.
    pub text: String,
    /// The sums over its probes.
    pub counts: Counts,
    /// Its probes.
    pub probes: Vec<Probe>,
}

/// A value of one argument, tried in the guest and on the host.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Probe {
    /// The argument that was varied, and the fields from it to the value, separated by points.
    pub argument: String,
    /// The level that an option or a control message belongs to; else empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub under: String,
    /// The value that it was given, by its name.
    pub value: String,
    /// The kind of socket that it was tried on, as in `AF_UNIX SOCK_STREAM`.
    #[serde(default)]
    pub on: String,
    /// Whether the rule declares the value.
    pub kind: ProbeKind,
    /// What came of it.
    pub verdict: Verdict,
    /// Why it is not good.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// How many calls of the behaviour tests make use of it, on any kind of socket of the rule; only where it is declared,
    /// and known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tested: Option<u64>,
    /// The errno that the policy's table gives, by name; `0` for none.
    pub expected: String,
    /// What happened in the guest.
    pub guest: Option<Seen>,
    /// What happened on the host.
    pub host: Option<Seen>,
}

/// Whether a rule declares a value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeKind {
    /// It does, and it must behave as on Linux.
    Declared,
    /// It does not, and the value must be refused as Linux refuses it.
    Neighbour,
}

/// What happened on one side.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Seen {
    /// The errno, by name; `0` for none.
    pub errno: String,
    /// Whether the call then did what it is for.
    pub behaved: bool,
    /// What there is to say about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Seen {
    /// Whether the call succeeded.
    pub fn is_accepted(&self) -> bool {
        self.errno == "0"
    }
}

/// What came of a probe.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Declared, accepted and behaving on both sides, and made use of by behaviour tests.
    Held,
    /// Declared, and not so.
    Broken,
    /// Not declared, and refused as on Linux.
    Refused,
    /// Not declared, and refused; Linux takes no notice of it.
    LinuxIgnores,
    /// Not declared, and not refused as on Linux.
    Leaking,
    /// Not tried on both sides, or declared and not made use of by any behaviour test.
    Unproven,
}

impl Verdict {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Broken => "broken",
            Self::Refused => "refused",
            Self::LinuxIgnores => "Linux ignores",
            Self::Leaking => "leaking",
            Self::Unproven => "unproven",
        }
    }

    /// Whether it is as it should be.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Held | Self::Refused | Self::LinuxIgnores)
    }
}

impl Report {
    /// Reads a report.
    ///
    /// # Errors
    /// When there is none at `path`, or it is none.
    pub fn load(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is no report", path.display()))
    }

    /// The report as JSON, indented.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report has only texts, numbers and lists")
    }

    /// Writes `report.json` and `index.html` into `folder`.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
        };
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        write("report.json", self.to_json() + "\n")?;
        write("index.html", self.page())
    }
}
