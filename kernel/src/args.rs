//! The kernel's command line.
//!
//! Words separated by spaces: first the kernel's own path, which the boot loader puts there, then `key=value` pairs,
//! then `--`, the program and its arguments. Words are percent-encoded, so that they may hold spaces and any other byte;
//! a word that is a single `%` is empty. A key that is not known is an error: an argument is never ignored.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use net_stack::configure::StaticAddress;
use ostd::log::LevelFilter;
use socket::policy::{Count, Mode, Profile};

/// How the kernel is to fail, so that what watches it can be tested.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// It panics.
    Panic,
    /// It does nothing more, with interrupts off.
    Hang,
}

/// The decoded command line.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// Which of the compiled profiles decides what socket calls may do.
    pub(crate) profile: Profile,
    /// What a denial comes to.
    pub(crate) mode: Mode,
    /// How finely the use of the policy is counted.
    pub(crate) count: Count,
    /// Up to which level records are logged.
    pub(crate) log_level: LevelFilter,
    /// Frequency of the time stamp counter in Hz, where the host knows it better than we could measure.
    pub(crate) tsc_hz: Option<u64>,
    /// Addresses for interfaces, `ip=`: an interface that has one is not configured by DHCP.
    pub(crate) addresses: Vec<StaticAddress>,
    /// Fail before the first program runs.
    pub(crate) fault: Option<Fault>,
    /// The environment of the first program, `NAME=VALUE` each.
    pub(crate) environment: Vec<Vec<u8>>,
    /// The first program's path and arguments; never empty.
    pub(crate) program: Vec<Vec<u8>>,
}

impl Arguments {
    /// Decodes a command line.
    ///
    /// # Errors
    /// What is wrong, in words, naming the argument.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let mut words = line.split(' ').filter(|word| !word.is_empty()).skip(1);
        let mut arguments = Self {
            profile: Profile::default(),
            mode: Mode::default(),
            count: Count::default(),
            log_level: LevelFilter::Warning,
            tsc_hz: None,
            addresses: Vec::new(),
            fault: None,
            environment: Vec::new(),
            program: Vec::new(),
        };
        for word in words.by_ref().take_while(|word| *word != "--") {
            arguments.set(word)?;
        }
        arguments.program = words.map(decode).collect::<Result<_, _>>()?;
        if arguments.program.is_empty() {
            return Err("no program: nothing follows `--` on the kernel's command line".to_owned());
        }
        Ok(arguments)
    }

    fn set(&mut self, word: &str) -> Result<(), String> {
        let (key, value) = word
            .split_once('=')
            .ok_or_else(|| format!("unknown kernel argument `{word}`: not of the form key=value"))?;
        let bad = || format!("bad value in kernel argument `{word}`");
        match key {
            "scml.profile" => {
                self.profile = match value {
                    "postern" => Profile::Postern,
                    "asterinas" => Profile::Asterinas,
                    _ => return Err(bad()),
                }
            }
            "scml.mode" => {
                self.mode = match value {
                    "enforce" => Mode::Enforce,
                    "audit" => Mode::Audit,
                    "off" => Mode::Off,
                    _ => return Err(bad()),
                }
            }
            "scml.count" => {
                self.count = match value {
                    "rule" => Count::Rule,
                    "full" => Count::Full,
                    _ => return Err(bad()),
                }
            }
            "loglevel" => {
                self.log_level = match value {
                    "error" => LevelFilter::Error,
                    "warn" => LevelFilter::Warning,
                    "info" => LevelFilter::Info,
                    "debug" => LevelFilter::Debug,
                    _ => return Err(bad()),
                }
            }
            "tsc_hz" => {
                let hz = value.parse().map_err(|_| bad())?;
                // Below a megahertz a nanosecond clock makes no sense, above a terahertz its arithmetic overflows.
                if !(1_000_000..=1_000_000_000_000).contains(&hz) {
                    return Err(bad());
                }
                self.tsc_hz = Some(hz);
            }
            "ip" => {
                let address = value.parse();
                self.addresses.push(
                    address.map_err(|error| format!("bad value in kernel argument `{word}`: {error}"))?,
                );
            }
            "test.fault" => {
                self.fault = match value {
                    "panic" => Some(Fault::Panic),
                    "hang" => Some(Fault::Hang),
                    _ => return Err(bad()),
                }
            }
            "env" => {
                let variable = decode(value)?;
                if !variable.contains(&b'=') || variable.contains(&0) {
                    return Err(bad());
                }
                self.environment.push(variable);
            }
            _ => return Err(format!("unknown kernel argument `{key}`")),
        }
        Ok(())
    }
}

/// Takes the percent-encoding off a word.
fn decode(word: &str) -> Result<Vec<u8>, String> {
    if word == "%" {
        return Ok(Vec::new());
    }
    let mut bytes = word.bytes();
    let mut decoded = Vec::with_capacity(word.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match (digit(bytes.next()), digit(bytes.next())) {
            (Some(high), Some(low)) => decoded.push((high << 4 | low) as u8),
            _ => return Err(format!("bad percent-encoding in kernel argument `{word}`")),
        }
    }
    if decoded.contains(&0) {
        return Err(format!("NUL byte in kernel argument `{word}`"));
    }
    Ok(decoded)
}
