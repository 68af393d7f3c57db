//! Programs that take all memory: calls fail or processes are killed, and everyone else goes on.

use crate::{
    errno::Result,
    sys::{self, PAGE, Region},
};

const RW: i32 = libc::PROT_READ | libc::PROT_WRITE;
const PRIVATE: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
const SHARED: i32 = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
/// More than any machine here has, in bytes.
const MUCH: usize = 1 << 36;

/// A way of taking memory, by name. It runs in a child and gives its exit code.
type Way = (&'static str, fn() -> i32);

/// Takes all memory, over and over. What went wrong.
pub(crate) fn run() -> std::result::Result<(), String> {
    let kept = region(PRIVATE, 100 * PAGE)?;
    kept.write(0, &[7; 100 * PAGE]);
    let ways: [Way; 5] = [
        ("one process that touches ever more", hog),
        ("the kernel touches ever more for it", read_into),
        ("copies that can no longer be made", copies),
        ("shared memory", share),
        ("ever more processes", bomb),
    ];
    for (what, way) in ways {
        let ended = sys::fork(way).and_then(sys::wait_for).map_err(|errno| format!("{what}: {errno}"))?;
        if ended != 0 && ended != libc::SIGKILL && ended != libc::SIGBUS {
            return Err(format!("{what}: status {ended}"));
        }
        let mut bytes = vec![0; 100 * PAGE];
        kept.read(0, &mut bytes);
        if bytes.iter().any(|byte| *byte != 7) {
            return Err(format!("{what}: changed the memory of others"));
        }
        // There is room again, for as much as a machine of 512 MiB has.
        let room = region(PRIVATE, 64 << 20)?;
        touch(&room, 64 << 20);
        println!("{what}: {ended}");
    }
    Ok(())
}

fn region(flags: i32, length: usize) -> std::result::Result<Region, String> {
    Region::map(length, RW, flags, -1, 0).map_err(|errno| format!("mmap: {errno}"))
}

fn touch(region: &Region, length: usize) {
    for at in (0..length).step_by(PAGE) {
        region.write(at, &[1]);
    }
}

fn status(result: Result<()>) -> i32 {
    result.map_or(1, |()| 0)
}

/// Never ends by itself.
fn hog() -> i32 {
    status(Region::map(MUCH, RW, PRIVATE, -1, 0).map(|much| touch(&much, MUCH)))
}

fn read_into() -> i32 {
    status((|| {
        let zero = sys::open(c"/dev/zero", libc::O_RDONLY, 0)?;
        let much = Region::map(MUCH, RW, PRIVATE, -1, 0)?;
        for at in (0..MUCH).step_by(1 << 20) {
            let number = std::os::fd::AsRawFd::as_raw_fd(&zero) as usize;
            let words = [number, much.at(at), 1 << 20, 0, 0, 0];
            // A short read, or none, is where memory ended; whoever goes on is killed in the end.
            let _ = much.call("read", libc::SYS_read, words);
        }
        Ok(())
    })())
}

fn copies() -> i32 {
    status((|| {
        const LENGTH: usize = 100 << 20;
        let region = Region::map(LENGTH, RW, PRIVATE, -1, 0)?;
        touch(&region, LENGTH);
        let children: Vec<i32> = (0..10)
            .filter_map(|_| {
                sys::fork(|| {
                    touch(&region, LENGTH);
                    0
                })
                .ok()
            })
            .collect();
        for child in children {
            sys::wait_for(child)?;
        }
        Ok(())
    })())
}

fn share() -> i32 {
    status(Region::map(8 << 30, RW, SHARED, -1, 0).map(|much| touch(&much, 8 << 30)))
}

/// Children of children, each with some memory, until none can be had.
fn bomb() -> i32 {
    fn generation(depth: usize) {
        let Ok(own) = Region::map(4 << 20, RW, PRIVATE, -1, 0) else { return };
        touch(&own, 4 << 20);
        if depth > 0 {
            let children: Vec<i32> = (0..4)
                .filter_map(|_| {
                    sys::fork(|| {
                        generation(depth - 1);
                        0
                    })
                    .ok()
                })
                .collect();
            for child in children {
                let _ = sys::wait_for(child);
            }
        }
    }
    generation(4);
    0
}
