//! What memory costs.

use std::os::fd::AsRawFd;

use super::{Bench, Figures, measure};
use crate::{
    errno::Result,
    sys::{self, PAGE, Region},
};

pub(super) const BENCHES: &[Bench] = &[
    Bench { name: "touch_256_pages", iterations: 50, run: touch_256_pages },
    Bench { name: "map_file_touch_64_pages", iterations: 50, run: map_file },
];

const RW: i32 = libc::PROT_READ | libc::PROT_WRITE;

/// mmap(2), a byte in each of 256 fresh pages, munmap(2).
fn touch_256_pages(iterations: u64) -> Result<Figures> {
    measure(iterations, || {
        let region = Region::new(256, RW)?;
        for page in 0..256 {
            region.write(page * PAGE, &[1]);
        }
        Ok(())
    })
}

/// mmap(2) of the program's own file, a look at each of 64 pages, munmap(2).
fn map_file(iterations: u64) -> Result<Figures> {
    let program = sys::open(c"/proc/self/exe", libc::O_RDONLY, 0)?;
    measure(iterations, || {
        let region = Region::map(64 * PAGE, libc::PROT_READ, libc::MAP_PRIVATE, program.as_raw_fd(), 0)?;
        for page in 0..64 {
            region.read(page * PAGE, &mut [0]);
        }
        Ok(())
    })
}
