//! One run of a guest, from QEMU's start to its end.
//!
//! Threads move the bytes of the four ports; what matters to the run's ending reaches [`Session::run`] as events,
//! and it alone decides.

use std::{
    fs::{self, File},
    io::BufWriter,
    os::{
        fd::OwnedFd,
        unix::{fs::symlink, process::ExitStatusExt},
    },
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    process::{Pid, PidfdFlags, pidfd_open},
};
use tempfile::TempDir;

use super::{
    CommandLine, Ending, Image, Log, Machine, Outcome, Streams,
    control::Message,
    ports::{Listeners, NoConnection, Port},
    pumps::{Event, pump_control, pump_input, pump_log, pump_output},
    qemu::Process,
};

/// The guest's root file system.
#[derive(Debug)]
pub enum Initramfs<'a> {
    /// Written for this run.
    Image(&'a Image),
    /// An archive that is there already, good or bad.
    File(&'a Path),
    /// None at all.
    Absent,
}

/// What to run, on what, and for how long.
#[derive(Debug)]
pub struct Request<'a> {
    /// The machine.
    pub machine: &'a Machine,
    /// The root file system.
    pub initramfs: Initramfs<'a>,
    /// The kernel's command line.
    pub words: &'a CommandLine,
    /// The program's streams.
    pub streams: Streams,
    /// Where the kernel's log goes.
    pub log: Log,
    /// How long the run may take. There is no end to it unless told.
    pub limit: Option<Duration>,
    /// How long it may take until user mode.
    pub boot_limit: Duration,
}

impl<'a> Request<'a> {
    /// A boot takes less than a second on a free machine; this is for one that is anything but.
    pub const BOOT_LIMIT: Duration = Duration::from_secs(120);

    /// A run without a log and without a time limit but that of the boot.
    pub fn new(
        machine: &'a Machine,
        initramfs: Initramfs<'a>,
        words: &'a CommandLine,
        streams: Streams,
    ) -> Self {
        Self {
            machine,
            initramfs,
            words,
            streams,
            log: Log::none(),
            limit: None,
            boot_limit: Self::BOOT_LIMIT,
        }
    }
}

/// Stops a session from another thread.
#[derive(Clone, Debug)]
pub struct Stopper {
    sender: Sender<Event>,
}

impl Stopper {
    /// Ends the run as if by signal number `signal`. Does nothing once it has ended.
    pub fn stop(&self, signal: u8) {
        let _ = self.sender.send(Event::Stop(signal));
    }
}

/// A run that has not begun.
#[derive(Debug)]
pub struct Session {
    sender: Sender<Event>,
    events: Receiver<Event>,
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

/// The image's name in the folder of a run.
const ARCHIVE: &str = "root.cpio";

/// How long QEMU has to end by itself once the guest has said its last word.
const GRACE: Duration = Duration::from_secs(3);

impl Session {
    /// A session that can be stopped already.
    pub fn new() -> Self {
        let (sender, events) = channel();
        Self { sender, events }
    }

    /// What stops it.
    pub fn stopper(&self) -> Stopper {
        Stopper { sender: self.sender.clone() }
    }

    /// Boots the guest, passes its streams on and says how it ended. Call it on a thread that lives as long as the
    /// run: QEMU is killed when the thread that started it ends.
    ///
    /// # Errors
    /// When the run could not begin: no kernel, an image that cannot be written or does not fit, no QEMU.
    pub fn run(self, request: Request<'_>) -> Result<Outcome> {
        let machine = request.machine;
        machine.check()?;
        let folder = tempfile::Builder::new()
            .prefix("postern-")
            .tempdir()
            .context("cannot make a temporary folder")?;
        let arguments = prepare(&request, &folder)?;
        let listeners = Listeners::bind(folder.path())?;
        let mut log = request.log.open()?;

        let qemu_output = folder.path().join("qemu.out");
        let started = Instant::now();
        let mut qemu = machine.qemu.start(folder.path(), &arguments, &File::create(&qemu_output)?)?;
        let pidfd = watch(&qemu)?;
        let said = || fs::read(&qemu_output).map(|text| warnings_left_out(&text)).unwrap_or_default();

        let deadline = request.limit.and_then(|limit| started.checked_add(limit));
        let boot_deadline = started + request.boot_limit;
        let connections = listeners.accept(&pidfd, deadline.unwrap_or(boot_deadline).min(boot_deadline))?;
        let streams = match connections {
            Ok(streams) => streams,
            Err(reason) => {
                let ending = match (reason, request.limit) {
                    (NoConnection::Ended, _) => Ending::Died(format!(
                        "{} ended before the guest started ({})",
                        machine.qemu.path().display(),
                        qemu.end()?
                    )),
                    (NoConnection::TimedOut, Some(limit)) if limit < request.boot_limit => {
                        Ending::TimedOut(limit)
                    }
                    (NoConnection::TimedOut, _) => Ending::BootTimedOut(request.boot_limit),
                };
                return Ok(Outcome {
                    ending,
                    ready: None,
                    elapsed: started.elapsed(),
                    log_tail: Vec::new(),
                    log: request.log.path().map(Path::to_owned),
                    qemu_said: said(),
                });
            }
        };

        let sender = self.sender.clone();
        thread::spawn(move || {
            let mut events = [PollFd::new(&pidfd, PollFlags::IN)];
            while poll(&mut events, None) == Err(Errno::INTR) {}
            let _ = sender.send(Event::Ended);
        });
        let [log_port, standard, error, control] = streams;
        let Streams { stdin, stdout, stderr } = request.streams;
        let (start_input, input_may_start) = channel();
        pump_input(stdin, standard.try_clone()?, control.try_clone()?, input_may_start);
        pump_output(Port::Standard, standard, stdout, self.sender.clone());
        pump_output(Port::Error, error, stderr, self.sender.clone());
        pump_control(control, self.sender.clone());
        let log_sender = self.sender.clone();
        let log_thread = thread::spawn(move || {
            pump_log(log_port, &mut log);
            let lines = log.finish();
            let _ = log_sender.send(Event::Closed(Port::Log));
            lines
        });

        let mut run = Run {
            events: self.events,
            qemu,
            open: Port::ALL.to_vec(),
            ready: None,
            word: None,
            said_nonsense: None,
            died: None,
            archive: folder.path().join(ARCHIVE),
            start_input,
        };
        let ending = run.until_the_end(deadline.zip(request.limit), boot_deadline, request.boot_limit)?;
        let status = run.qemu.end()?;
        let ending = ending.unwrap_or_else(|| Ending::Died(run.cause_of_death(status)));
        // Left alone when it still writes: to a terminal that has been stopped.
        let log_tail =
            if run.open.contains(&Port::Log) { Vec::new() } else { log_thread.join().unwrap_or_default() };
        Ok(Outcome {
            ending,
            ready: run.ready,
            elapsed: started.elapsed(),
            log_tail,
            log: request.log.path().map(Path::to_owned),
            qemu_said: said(),
        })
    }
}

/// Puts what QEMU reads into `folder`, and gives its arguments.
fn prepare(request: &Request<'_>, folder: &TempDir) -> Result<Vec<String>> {
    let mut arguments = request.machine.arguments();
    if let Some(network) = &request.machine.network {
        arguments.extend(network.arguments()?);
    }
    // Names without spaces or commas, whatever the real ones are: the kernel's is the first word of its command
    // line, and QEMU splits the name of an image at commas.
    let kernel = fs::canonicalize(&request.machine.kernel)
        .with_context(|| format!("cannot use the kernel {}", request.machine.kernel.display()))?;
    symlink(kernel, folder.path().join("kernel.elf"))?;
    let mut words = request.words.clone();
    if let Some((key, value)) = request.machine.kernel_options()
        && !words.has(&format!("{key}="))
    {
        words.option(key, value);
    }
    arguments.extend([
        "-kernel".to_owned(),
        "kernel.elf".to_owned(),
        "-append".to_owned(),
        words.to_string(),
    ]);

    let archive = folder.path().join(ARCHIVE);
    match request.initramfs {
        Initramfs::Image(image) => {
            // Known before it is written: a root that is too large is refused at once.
            request.machine.check_image(image.size())?;
            let mut out = BufWriter::with_capacity(1 << 20, File::create(&archive)?);
            image.write(&mut out)?;
        }
        Initramfs::File(path) => {
            let path =
                fs::canonicalize(path).with_context(|| format!("cannot use the image {}", path.display()))?;
            request.machine.check_image(fs::metadata(&path)?.len())?;
            symlink(path, &archive)?;
        }
        Initramfs::Absent => {}
    }
    if !matches!(request.initramfs, Initramfs::Absent) {
        arguments.extend(["-initrd".to_owned(), ARCHIVE.to_owned()]);
    }
    arguments.extend(Listeners::arguments());
    Ok(arguments)
}

fn watch(qemu: &Process) -> Result<OwnedFd> {
    let pid = i32::try_from(qemu.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| anyhow!("QEMU has no process"))?;
    pidfd_open(pid, PidfdFlags::empty()).context("cannot watch QEMU")
}

/// What QEMU said, without its warnings about features of the host's CPU that it does not emulate.
fn warnings_left_out(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.lines()
        .filter(|line| !line.contains("warning: TCG doesn't support requested feature"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// A run while it lasts.
struct Run {
    events: Receiver<Event>,
    qemu: Process,
    /// Ports that may have more to say.
    open: Vec<Port>,
    ready: Option<Duration>,
    /// The guest's last word.
    word: Option<Ending>,
    said_nonsense: Option<String>,
    /// When QEMU ended or was killed.
    died: Option<Instant>,
    /// The image, which QEMU has read when the guest is ready.
    archive: PathBuf,
    start_input: Sender<()>,
}

impl Run {
    /// Waits until QEMU has ended and all that it sent has been passed on. Gives the ending, unless QEMU ended
    /// without a word.
    fn until_the_end(
        &mut self,
        limit: Option<(Instant, Duration)>,
        boot_deadline: Instant,
        boot_limit: Duration,
    ) -> Result<Option<Ending>> {
        let mut last_word_at = None;
        while self.died.is_none() || !self.open.is_empty() {
            let now = Instant::now();
            // After its last word the guest has a moment to end; then it is ended.
            let grace = last_word_at.filter(|_| self.died.is_none()).map(|at| at + GRACE);
            let boot =
                (self.ready.is_none() && self.word.is_none() && self.died.is_none()).then_some(boot_deadline);
            let next = [limit.map(|(deadline, _)| deadline), grace, boot].into_iter().flatten().min();
            let event = match next {
                Some(next) => self.events.recv_timeout(next.saturating_duration_since(now)),
                None => self.events.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match event {
                Ok(Event::Said(line)) => self.hear(&line),
                Ok(Event::Closed(port)) => self.open.retain(|open| *open != port),
                Ok(Event::Ended) => self.died = Some(now),
                Ok(Event::Stop(signal)) => return self.cut_short(Ending::Interrupted(signal)),
                Ok(Event::Unwritable(port, error)) => {
                    let what = if port == Port::Standard { "standard output" } else { "standard error" };
                    return self.cut_short(Ending::OutputClosed(format!("{what}: {error}")));
                }
                Err(RecvTimeoutError::Timeout) => {
                    let now = Instant::now();
                    if let Some((deadline, limit)) = limit
                        && now >= deadline
                    {
                        return self.cut_short(Ending::TimedOut(limit));
                    }
                    if boot.is_some_and(|deadline| now >= deadline) {
                        return self.cut_short(Ending::BootTimedOut(boot_limit));
                    }
                    if grace.is_some_and(|deadline| now >= deadline) {
                        self.qemu.end()?;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => unreachable!("the threads of open ports hold senders"),
            }
            if self.word.is_some() && last_word_at.is_none() {
                last_word_at = Some(Instant::now());
            }
        }
        Ok(self.word.take())
    }

    fn hear(&mut self, line: &str) {
        if line.is_empty() {
            // A panic begins a new line, whatever was being said.
            return;
        }
        match Message::parse(line) {
            Ok(Message::Ready(time)) => {
                self.ready = Some(time);
                // Hundreds of megabytes, maybe, that even a killed `postern` should not leave behind. It may be
                // absent, and goes with its folder at the latest.
                let _ = fs::remove_file(&self.archive);
                // Gone with its thread when it has been started before.
                let _ = self.start_input.send(());
            }
            // A panic while the machine is powered off outweighs the status.
            Ok(Message::Panic(message)) => self.word = Some(Ending::Panicked(message)),
            Ok(Message::Fail(message)) => {
                self.word.get_or_insert(Ending::BootFailed(message));
            }
            Ok(Message::Exit(status)) => {
                self.word.get_or_insert(Ending::Exited(status));
            }
            Err(nonsense) => {
                self.said_nonsense.get_or_insert(nonsense.to_string());
            }
        }
    }

    /// Ends the guest for `reason`, and gives what it has sent a moment to arrive.
    fn cut_short(&mut self, reason: Ending) -> Result<Option<Ending>> {
        self.qemu.end()?;
        let patience = Instant::now() + Duration::from_secs(1);
        while !self.open.is_empty() {
            match self.events.recv_timeout(patience.saturating_duration_since(Instant::now())) {
                Ok(Event::Closed(port) | Event::Unwritable(port, _)) => {
                    self.open.retain(|open| *open != port);
                }
                Ok(_) => {}
                // Somebody does not read what the guest wrote: not waited for.
                Err(_) => break,
            }
        }
        Ok(Some(reason))
    }

    /// Why QEMU may have ended without a word from the guest.
    fn cause_of_death(&self, status: ExitStatus) -> String {
        let when = if self.ready.is_some() { "while the program ran" } else { "during the boot" };
        let why = match (status.code(), status.signal()) {
            // isa-debug-exit gives (value << 1) | 1 of ostd's 0x10 and 0x20.
            (Some(33 | 65), _) => "the kernel stopped the machine without saying a status".to_owned(),
            (Some(0), _) => "the machine reset itself, as after a triple fault".to_owned(),
            (_, Some(signal)) => format!("QEMU was ended by signal {signal}"),
            _ => format!("QEMU ended with {status}"),
        };
        match &self.said_nonsense {
            Some(nonsense) => format!("{why}, {when}; before that {nonsense}"),
            None => format!("{why}, {when}"),
        }
    }
}
