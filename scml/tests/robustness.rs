//! Whatever the bytes are: no panic, no more than so many diagnostics, each with its place, and an answer in time.

use std::time::{Duration, Instant};

use scml::{Source, compile, load};

/// A small generator (xorshift): the same bytes in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

/// Compiles, and checks what can be checked of anything.
fn judge(sources: &[Source]) {
    match compile(sources) {
        Ok(profile) => {
            let tables = profile.tables();
            let _ = scml::probe::alternatives(&tables);
            if tables.rule_count() <= 20 {
                let _ = scml::probe::neighbours(&tables);
            }
        }
        Err(errors) => {
            assert!(!errors.is_empty() && errors.len() <= 101);
            for error in &errors {
                for label in &error.labels {
                    assert!(label.line >= 1 && label.column >= 1, "{error}");
                    assert!(label.source.get(label.range.clone()).is_some(), "{error:?}");
                }
                assert!(!error.render(false).is_empty());
            }
        }
    }
}

fn corpus() -> Vec<Source> {
    let mut sources = vec![Source::new("sample.scml", include_str!("source/sample.scml"))];
    for profile in ["postern", "asterinas"] {
        let directory = format!("{}/profiles/{profile}", env!("CARGO_MANIFEST_DIR"));
        sources.extend(load(directory).expect("the profile is there"));
    }
    for line in include_str!("diagnostics/cases.txt").lines().filter(|line| !line.starts_with(' ')) {
        sources.push(Source::new("case.scml", line));
    }
    sources
}

#[test]
fn mutated_files() {
    const PIECES: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "<",
        ">",
        "=",
        "|",
        ",",
        ";",
        "..",
        "/*",
        "*/",
        "//",
        "NULL",
        "<PATH>",
        "<INTEGER>",
        "struct",
        "-1",
        "0x",
        "18446744073709551615",
        "é",
        "\u{0}",
        "\n",
        "<sockaddr>",
        "AF_UNIX",
    ];
    let corpus = corpus();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..1500 {
        let mut source = corpus[random.below(corpus.len())].clone();
        for _ in 0..=random.below(6) {
            let at = random.below(source.bytes.len() + 1);
            let end = (at + random.below(12)).min(source.bytes.len());
            match random.below(5) {
                0 => drop(source.bytes.drain(at..end)),
                1 => {
                    let piece = PIECES[random.below(PIECES.len())];
                    drop(source.bytes.splice(at..at, piece.bytes()));
                }
                2 if at < source.bytes.len() => source.bytes[at] ^= 1 << random.below(8),
                3 => source.bytes.truncate(at),
                _ => {
                    let piece = source.bytes[at..end].to_vec();
                    let to = random.below(source.bytes.len());
                    drop(source.bytes.splice(to..to, piece));
                }
            }
        }
        judge(&[source]);
    }
}

#[test]
fn bytes_at_random() {
    let mut random = Random(42);
    for _ in 0..500 {
        let length = random.below(300);
        let bytes: Vec<_> = (0..length).map(|_| random.below(256) as u8).collect();
        judge(&[Source::new("random.scml", bytes)]);
    }
}

/// Files of the worst kinds, large enough for what grows faster than they do to show.
#[test]
fn large_files_are_answered_in_time() {
    const SIZE: usize = 128 << 10;
    let numbered = |piece: &dyn Fn(usize) -> String| {
        let mut text = String::new();
        let mut number = 0;
        loop {
            let next = piece(number);
            if text.len() + next.len() > SIZE - 100 {
                return text;
            }
            text += &next;
            number += 1;
        }
    };
    let fill = |piece: &str| piece.repeat(SIZE / piece.len());
    let texts = [
        fill("{"),
        fill("<"),
        fill("a="),
        fill("a;"),
        fill("/*"),
        fill(" "),
        fill("é"),
        fill("struct a={..};"),
        fill("a=<a>;"),
        fill("listen(..);"),
        fill("socket(family=AF_UNX,..);"),
        format!("a={}1;", fill("b|")),
        format!("socket({}..);", fill("a,")),
        format!("socket(family={}1,..);", numbered(&|number| format!("{number}|"))),
        format!("bind(s,addr={{{}..}},l);", fill("sa_family,")),
        numbered(&|number| format!("a{number}=<a{}>;", number + 1)),
        numbered(&|number| format!("a{number}=<b>|c;")) + "b=1;",
        numbered(&|number| format!("struct s={{family={},..}};", number % 40)) + "read(fd=<s>,..);",
        numbered(&|number| format!("struct s{number}={{family=1,..}};read(fd=<s{number}>,..);")),
        numbered(&|number| format!("getsockopt(sockfd,level={number},optname=1|100|200,..);")),
    ];
    for (index, text) in texts.into_iter().enumerate() {
        let start = Instant::now();
        let _ = compile(&[Source::new("large.scml", text)]);
        let taken = start.elapsed();
        assert!(taken < Duration::from_secs(20), "text {index} took {taken:?}");
    }
}
