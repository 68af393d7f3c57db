//! Plays QEMU and a guest for the tests of `postern boot`: speaks the protocol of the four ports, and does what the
//! program named on the kernel's command line says. An example, because cargo builds those for tests and installs
//! them nowhere.

use std::{
    env, fs,
    io::{Read, Write},
    os::unix::net::UnixStream,
    process::{abort, exit},
    sync::mpsc::{Receiver, channel},
    thread,
};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments == ["--version"] {
        let version = env::var("FAKE_QEMU_VERSION").unwrap_or_else(|_| "10.0.2".to_owned());
        println!("QEMU emulator version {version} (fake)");
        return;
    }
    if let Ok(message) = env::var("FAKE_QEMU_REFUSES") {
        eprintln!("{message}");
        exit(1);
    }
    let connect = |port: &str| {
        let path = arguments
            .iter()
            .find_map(|argument| argument.strip_prefix(&format!("socket,id={port},path=")))
            .unwrap_or_else(|| panic!("no port {port} in {arguments:?}"));
        UnixStream::connect(path).expect("postern listens")
    };
    let guest = Guest {
        log: connect("log"),
        standard: connect("standard"),
        error: connect("error"),
        control: connect("control"),
        words: following(&arguments, "-append").to_owned(),
        // QEMU reads it before the guest runs; once the guest is ready, it is removed.
        archive: fs::File::open(following(&arguments, "-initrd")).expect("an image"),
        arguments: arguments.clone(),
    };
    guest.run();
}

fn following<'a>(arguments: &'a [String], option: &str) -> &'a str {
    let place = arguments.iter().position(|argument| argument == option).expect("the option is there");
    &arguments[place + 1]
}

struct Guest {
    log: UnixStream,
    standard: UnixStream,
    error: UnixStream,
    control: UnixStream,
    words: String,
    archive: fs::File,
    arguments: Vec<String>,
}

impl Guest {
    fn run(mut self) {
        self.log(&format!("kernel: started with {}\n", self.words));
        let (_, program) = self.words.split_once(" -- ").expect("a program");
        let program: Vec<Vec<u8>> = program.split(' ').map(decode).collect();
        let number = program.get(1).and_then(|word| std::str::from_utf8(word).ok()?.parse().ok());
        let part = program[0].rsplit(|byte| *byte == b'/').next().expect("split gives something");
        match part {
            b"never-ready" => hang(),
            b"fail" => self.end("fail no such option: oops=1", 65),
            _ => {}
        }
        self.say("ready 210000000");
        match part {
            b"cat" => {
                self.cat();
                self.end("exit 0", 33);
            }
            b"exit" => self.end(&format!("exit {}", number.unwrap_or(0)), 33),
            b"spam" => {
                let bytes: Vec<u8> = (0..number.unwrap_or(0)).map(|n: u32| n as u8).collect();
                let _ = self.standard.write_all(&bytes);
                let _ = self.error.write_all(&bytes);
                self.end("exit 0", 33);
            }
            b"args" => {
                for argument in &program {
                    self.standard.write_all(argument).unwrap();
                    self.standard.write_all(b"\0").unwrap();
                }
                self.end("exit 0", 33);
            }
            b"words" => {
                let text = format!("{}\n{}\n", self.words, self.arguments.join(" "));
                self.standard.write_all(text.as_bytes()).unwrap();
                self.end("exit 0", 33);
            }
            b"list" => {
                self.list();
                self.end("exit 0", 33);
            }
            b"hang" => hang(),
            b"linger" => {
                self.say("exit 7");
                hang()
            }
            b"panic" => {
                self.log("kernel: something is wrong\n");
                self.end("panic assertion failed at mm.rs:12", 65)
            }
            b"late-panic" => {
                self.say("exit 0");
                self.end("panic too late", 65)
            }
            b"mute" => exit(33),
            b"reset" => exit(0),
            b"abort" => abort(),
            b"nonsense" => self.end("hello there", 33),
            other => panic!("no part for {}", String::from_utf8_lossy(other)),
        }
    }

    fn log(&mut self, text: &str) {
        self.log.write_all(text.as_bytes()).expect("postern reads the log");
    }

    fn say(&mut self, line: &str) {
        self.control.write_all(format!("{line}\n").as_bytes()).expect("postern reads the control channel");
    }

    fn end(&mut self, line: &str, status: i32) -> ! {
        self.say(line);
        exit(status)
    }

    /// Copies standard input until the control channel has said its length and all of it has come.
    fn cat(&mut self) {
        let eof = eof_line(self.control.try_clone().unwrap());
        let mut buffer = [0; 4096];
        let mut copied = 0;
        let mut length = None;
        let poll = |length: &mut Option<u64>| *length = length.or_else(|| eof.try_recv().ok());
        self.standard.set_read_timeout(Some(std::time::Duration::from_millis(5))).unwrap();
        loop {
            poll(&mut length);
            if length == Some(copied) {
                return;
            }
            if let Ok(count) = self.standard.read(&mut buffer) {
                copied += count as u64;
                self.standard.write_all(&buffer[..count]).unwrap();
            }
        }
    }

    /// Prints what is in the image: mode, owner, links, size or target, and name.
    fn list(&mut self) {
        let mut archive = self.archive.try_clone().unwrap();
        loop {
            let mut reader = cpio::newc::Reader::new(archive).expect("a good header");
            let entry = reader.entry().clone();
            if entry.is_trailer() {
                return;
            }
            let mut contents = Vec::new();
            reader.read_to_end(&mut contents).unwrap();
            contents.truncate(60);
            let line = format!(
                "{:06o} {}:{} {} {} /{} {}\n",
                entry.mode(),
                entry.uid(),
                entry.gid(),
                entry.nlink(),
                entry.file_size(),
                entry.name(),
                String::from_utf8_lossy(&contents).replace('\n', "|")
            );
            self.standard.write_all(line.as_bytes()).unwrap();
            archive = reader.finish().unwrap();
        }
    }
}

fn eof_line(mut control: UnixStream) -> Receiver<u64> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut line = Vec::new();
        let mut byte = [0];
        while control.read_exact(&mut byte).is_ok() {
            if byte != *b"\n" {
                line.push(byte[0]);
                continue;
            }
            let text = String::from_utf8(line.clone()).unwrap();
            let count = text.strip_prefix("eof ").expect("only eof lines come").parse().unwrap();
            let _ = sender.send(count);
            line.clear();
        }
    });
    receiver
}

fn hang() -> ! {
    loop {
        thread::park();
    }
}

fn decode(word: &str) -> Vec<u8> {
    if word == "%" {
        return Vec::new();
    }
    let mut bytes = Vec::new();
    let mut rest = word.as_bytes();
    while let Some((&first, more)) = rest.split_first() {
        if first == b'%' {
            let digits = std::str::from_utf8(&more[..2]).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &more[2..];
        } else {
            bytes.push(first);
            rest = more;
        }
    }
    bytes
}
