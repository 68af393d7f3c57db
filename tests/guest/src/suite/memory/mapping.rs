//! Memory: mapping, protecting, giving back, pages that appear when touched.

use std::os::fd::AsRawFd;

use super::RW;
use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys::{self, PAGE, Region},
};

pub(crate) const TESTS: &[Test] = tests!("memory";
    mapping_is_zero_and_aligned,
    mappings_do_not_overlap,
    mapping_keeps_what_is_written,
    mapping_large_and_hardly_touched,
    mapping_is_given_back,
    mapping_given_back_in_part,
    mapping_given_back_is_fresh_when_mapped_again,
    mapping_refuses_bad_arguments,
    munmap_refuses_bad_arguments,
    mprotect_takes_write_permission_away,
    mprotect_of_a_part,
    mprotect_refuses_bad_arguments,
    mprotect_over_a_hole,
    pages_appear_for_the_kernel_too,
    pages_appear_in_several_threads_at_once,
    private_file_mapping_shows_the_file,
    private_file_mapping_keeps_writes_to_itself,
    file_mapping_refuses_bad_arguments,
    brk_moves_the_end_of_the_heap,
    heap_holds_much,
);

fn mapping_is_zero_and_aligned(_: &Case) -> Outcome {
    for pages in [1, 2, 7, 64] {
        let region = Region::new(pages, RW)?;
        check_eq!(region.at(0) % PAGE, 0);
        let mut contents = vec![0xff; region.length()];
        region.read(0, &mut contents);
        check!(contents.iter().all(|byte| *byte == 0), "{pages} pages");
    }
    let odd = Region::map(PAGE + 1, RW, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)?;
    odd.write(2 * PAGE - 1, &[1]);
    Ok(())
}

fn mappings_do_not_overlap(_: &Case) -> Outcome {
    let regions = (0..30).map(|index| Region::new(1 + index % 5, RW)).collect::<Result<Vec<_>, _>>()?;
    for (index, region) in regions.iter().enumerate() {
        region.write(0, &[index as u8]);
        region.write(region.length() - 1, &[index as u8]);
    }
    for (index, region) in regions.iter().enumerate() {
        let (mut first, mut last) = ([0], [0]);
        region.read(0, &mut first);
        region.read(region.length() - 1, &mut last);
        check!(region.length() == 1 || (first[0], last[0]) == (index as u8, index as u8), "region {index}");
    }
    Ok(())
}

fn mapping_keeps_what_is_written(_: &Case) -> Outcome {
    let region = Region::new(100, RW)?;
    for page in 0..100 {
        region.write(page * PAGE + page, &[page as u8 + 1]);
    }
    for page in 0..100 {
        let mut around = [0xff; 3];
        let at = page * PAGE + page;
        region.read(at.saturating_sub(1), &mut around);
        let expected = if page == 0 { [1, 0, 0] } else { [0, page as u8 + 1, 0] };
        check_eq!(around, expected, "page {page}");
    }
    Ok(())
}

fn mapping_large_and_hardly_touched(_: &Case) -> Outcome {
    // 1 GiB of address space, a few pages of memory.
    let region =
        Region::map(1 << 30, RW, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE, -1, 0)?;
    for offset in (0..1usize << 30).step_by(1 << 26) {
        region.write(offset, &offset.to_ne_bytes());
    }
    for offset in (0..1usize << 30).step_by(1 << 26) {
        let mut contents = [0; 8];
        region.read(offset, &mut contents);
        check_eq!(usize::from_ne_bytes(contents), offset);
    }
    Ok(())
}

/// Whether the kernel can read a byte of the region at an offset: the way to look at a page without dying of it.
fn readable(region: &Region, offset: usize) -> Outcome<bool> {
    let (read, write) = sys::pipe2(libc::O_NONBLOCK)?;
    let words = [write.as_raw_fd() as usize, region.at(offset), 1, 0, 0, 0];
    let met = region.call("write", libc::SYS_write, words);
    check!(met == Ok(1) || met == Err(crate::errno::Errno(libc::EFAULT)), "{met:?}");
    drop(read);
    Ok(met.is_ok())
}

/// Whether the kernel can write a byte there.
fn writable(region: &Region, offset: usize) -> Outcome<bool> {
    let (read, write) = sys::pipe2(libc::O_NONBLOCK)?;
    sys::write(&write, &[0x77])?;
    let words = [read.as_raw_fd() as usize, region.at(offset), 1, 0, 0, 0];
    let met = region.call("read", libc::SYS_read, words);
    check!(met == Ok(1) || met == Err(crate::errno::Errno(libc::EFAULT)), "{met:?}");
    Ok(met.is_ok())
}

fn mapping_is_given_back(_: &Case) -> Outcome {
    let mut region = Region::new(4, RW)?;
    region.write(0, &[1; 4 * PAGE]);
    check!(readable(&region, 0)?);
    let whole = 0..region.length();
    check_eq!(region.unmap(whole)?, 0);
    // No other thread of this test maps anything meanwhile.
    check!(!readable(&region, 0)?);
    check!(!readable(&region, 3 * PAGE)?);
    Ok(())
}

fn mapping_given_back_in_part(_: &Case) -> Outcome {
    let mut region = Region::new(5, RW)?;
    region.write(0, &[9; 5 * PAGE]);
    region.unmap(2 * PAGE..3 * PAGE)?;
    for (page, there) in [(0, true), (1, true), (2, false), (3, true), (4, true)] {
        check_eq!(readable(&region, page * PAGE)?, there, "page {page}");
    }
    let mut contents = [0; 2];
    region.read(3 * PAGE, &mut contents);
    check_eq!(contents, [9, 9]);
    region.unmap(0..PAGE)?;
    region.unmap(4 * PAGE..5 * PAGE)?;
    for (page, there) in [(0, false), (1, true), (2, false), (3, true), (4, false)] {
        check_eq!(readable(&region, page * PAGE)?, there, "page {page}");
    }
    Ok(())
}

fn mapping_given_back_is_fresh_when_mapped_again(_: &Case) -> Outcome {
    for _ in 0..20 {
        let region = Region::new(8, RW)?;
        let mut contents = vec![1; region.length()];
        region.read(0, &mut contents);
        check!(contents.iter().all(|byte| *byte == 0), "somebody's old bytes");
        region.write(0, &vec![0xee; region.length()]);
    }
    Ok(())
}

fn mapping_refuses_bad_arguments(_: &Case) -> Outcome {
    let anonymous = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    check_err!(Region::map(0, RW, anonymous, -1, 0).map(|_| ()), EINVAL);
    check_err!(
        Region::map(PAGE, RW, libc::MAP_ANONYMOUS, -1, 0).map(|_| ()),
        EINVAL,
        "neither private nor shared"
    );
    check_err!(Region::map(PAGE, RW, libc::MAP_PRIVATE, -1, 0).map(|_| ()), EBADF);
    check_err!(Region::map(1 << 60, RW, anonymous, -1, 0).map(|_| ()), ENOMEM);
    Ok(())
}

fn munmap_refuses_bad_arguments(_: &Case) -> Outcome {
    let mut region = Region::new(2, RW)?;
    check_err!(region.unmap(1..PAGE + 1), EINVAL, "not at a page");
    check_err!(region.unmap(0..0), EINVAL, "nothing");
    check!(readable(&region, 0)?);
    Ok(())
}

fn mprotect_takes_write_permission_away(_: &Case) -> Outcome {
    let region = Region::new(1, RW)?;
    region.write(0, b"kept");
    for (protection, reads, writes) in [
        (libc::PROT_READ, true, false),
        (libc::PROT_NONE, false, false),
        (RW, true, true),
        (libc::PROT_READ | libc::PROT_EXEC, true, false),
        (RW, true, true),
    ] {
        check_eq!(region.protect(0..PAGE, protection)?, 0);
        check_eq!(readable(&region, 0)?, reads, "protection {protection}");
        check_eq!(writable(&region, 100)?, writes, "protection {protection}");
    }
    let mut contents = [0; 4];
    region.read(0, &mut contents);
    check_eq!(&contents, b"kept");
    Ok(())
}

fn mprotect_of_a_part(_: &Case) -> Outcome {
    let region = Region::new(6, RW)?;
    region.protect(2 * PAGE..4 * PAGE, libc::PROT_READ)?;
    region.protect(3 * PAGE..5 * PAGE, libc::PROT_NONE)?;
    for (page, reads, writes) in [
        (0, true, true),
        (1, true, true),
        (2, true, false),
        (3, false, false),
        (4, false, false),
        (5, true, true),
    ] {
        check_eq!(readable(&region, page * PAGE)?, reads, "page {page}");
        check_eq!(writable(&region, page * PAGE)?, writes, "page {page}");
    }
    region.protect(0..6 * PAGE, RW)?;
    for page in 0..6 {
        check!(writable(&region, page * PAGE)?, "page {page}");
    }
    Ok(())
}

fn mprotect_refuses_bad_arguments(_: &Case) -> Outcome {
    let region = Region::new(2, RW)?;
    check_err!(region.protect(1..PAGE + 1, libc::PROT_READ), EINVAL);
    check_err!(region.protect(0..PAGE, 0x40), EINVAL);
    check_eq!(region.protect(0..0, libc::PROT_READ)?, 0, "nothing is no error here");
    check!(writable(&region, 0)?);
    Ok(())
}

fn mprotect_over_a_hole(_: &Case) -> Outcome {
    let mut region = Region::new(3, RW)?;
    let address = region.at(PAGE);
    region.unmap(PAGE..2 * PAGE)?;
    // `protect` refuses ranges with holes, so the range begins in the hole itself.
    check!(!readable(&region, PAGE)?);
    check_eq!(address, region.at(PAGE));
    check_eq!(region.protect(2 * PAGE..3 * PAGE, libc::PROT_READ)?, 0);
    check!(!writable(&region, 2 * PAGE)?);
    check!(writable(&region, 0)?);
    Ok(())
}

fn pages_appear_for_the_kernel_too(_: &Case) -> Outcome {
    // The kernel is the first to touch: by a read that crosses eight pages, and by a write from untouched ones.
    let region = Region::new(16, RW)?;
    let (read, write) = sys::pipe2(0)?;
    let data: Vec<u8> = (0..8 * PAGE as u32).map(|index| (index * 3) as u8).collect();
    check_eq!(sys::write(&write, &data)?, data.len());
    let words = [read.as_raw_fd() as usize, region.at(100), data.len(), 0, 0, 0];
    check_eq!(region.call("read", libc::SYS_read, words), Ok(data.len()));
    let mut got = vec![0; data.len()];
    region.read(100, &mut got);
    check!(got == data);
    let words = [write.as_raw_fd() as usize, region.at(10 * PAGE), 3 * PAGE, 0, 0, 0];
    check_eq!(region.call("write", libc::SYS_write, words), Ok(3 * PAGE));
    let mut zeros = vec![1; 3 * PAGE];
    check_eq!(sys::read(&read, &mut zeros)?, 3 * PAGE);
    check!(zeros.iter().all(|byte| *byte == 0));
    Ok(())
}

fn pages_appear_in_several_threads_at_once(case: &Case) -> Outcome {
    let region = std::sync::Arc::new(Region::new(200, RW)?);
    let threads: Vec<_> = (0..4usize)
        .map(|thread| {
            let region = std::sync::Arc::clone(&region);
            case.spawn(move || {
                for page in 0..200 {
                    region.write(page * PAGE + thread, &[thread as u8 + 1]);
                }
                Ok(())
            })
        })
        .collect();
    threads.into_iter().try_for_each(crate::harness::Worker::join)?;
    for page in 0..200 {
        let mut contents = [0; 5];
        region.read(page * PAGE, &mut contents);
        check_eq!(contents, [1, 2, 3, 4, 0], "page {page}");
    }
    Ok(())
}

/// A file of two pages and a bit.
fn file(case: &Case) -> Outcome<(std::os::fd::OwnedFd, Vec<u8>)> {
    let fd = sys::open(&case.path("file"), libc::O_CREAT | libc::O_RDWR, 0o600)?;
    let contents: Vec<u8> = (0..2 * PAGE as u32 + 10).map(|index| (index * 5 + 1) as u8).collect();
    check_eq!(sys::write(&fd, &contents)?, contents.len());
    Ok((fd, contents))
}

fn private_file_mapping_shows_the_file(case: &Case) -> Outcome {
    let (fd, contents) = file(case)?;
    let region = Region::map(3 * PAGE, libc::PROT_READ, libc::MAP_PRIVATE, fd.as_raw_fd(), 0)?;
    drop(fd);
    let mut got = vec![0; 3 * PAGE];
    region.read(0, &mut got);
    check!(got[..contents.len()] == contents[..]);
    check!(got[contents.len()..].iter().all(|byte| *byte == 0), "zeros up to the end of the last page");
    let (fd, _) = file(case)?;
    let second = Region::map(PAGE, libc::PROT_READ, libc::MAP_PRIVATE, fd.as_raw_fd(), PAGE as i64)?;
    let mut got = vec![0; PAGE];
    second.read(0, &mut got);
    check!(got == contents[PAGE..2 * PAGE]);
    Ok(())
}

fn private_file_mapping_keeps_writes_to_itself(case: &Case) -> Outcome {
    let (fd, contents) = file(case)?;
    let region = Region::map(2 * PAGE, RW, libc::MAP_PRIVATE, fd.as_raw_fd(), 0)?;
    region.write(10, b"only here");
    let mut got = [0; 9];
    region.read(10, &mut got);
    check_eq!(&got, b"only here");
    let mut on_disk = vec![0; contents.len()];
    check_eq!(sys::pread(&fd, &mut on_disk, 0)?, contents.len());
    check!(on_disk == contents);
    Ok(())
}

fn file_mapping_refuses_bad_arguments(case: &Case) -> Outcome {
    let (fd, _) = file(case)?;
    let number = fd.as_raw_fd();
    check_err!(Region::map(PAGE, RW, libc::MAP_PRIVATE, number, 1).map(|_| ()), EINVAL, "not at a page");
    let write_only = sys::open(&case.path("file"), libc::O_WRONLY, 0)?;
    check_err!(
        Region::map(PAGE, libc::PROT_READ, libc::MAP_PRIVATE, write_only.as_raw_fd(), 0).map(|_| ()),
        EACCES
    );
    let (read, _write) = sys::pipe2(0)?;
    check_err!(
        Region::map(PAGE, libc::PROT_READ, libc::MAP_PRIVATE, read.as_raw_fd(), 0).map(|_| ()),
        ENODEV
    );
    Ok(())
}

fn brk_moves_the_end_of_the_heap(_: &Case) -> Outcome {
    let end = sys::heap_end()?;
    check_eq!(sys::heap_end()?, end);
    for round in 0..3 {
        let pages = Region::grow_heap(10)?;
        check_eq!(sys::heap_end()?, pages.at(0) + 10 * PAGE);
        let mut contents = vec![1; 10 * PAGE];
        pages.read(0, &mut contents);
        check!(contents.iter().all(|byte| *byte == 0), "round {round}: what was given back comes back fresh");
        pages.write(0, &vec![0xee; 10 * PAGE]);
        let start = pages.at(0);
        drop(pages);
        check_eq!(sys::heap_end()?, start);
        let probe = Region::new(1, RW)?;
        let (_read, write) = sys::pipe2(libc::O_NONBLOCK)?;
        let words = [write.as_raw_fd() as usize, start + PAGE, 1, 0, 0, 0];
        check_err!(probe.call("write", libc::SYS_write, words), EFAULT, "beyond the end of the heap");
    }
    Ok(())
}

fn heap_holds_much(case: &Case) -> Outcome {
    // Small and large blocks from several threads, all checked.
    let threads: Vec<_> = (0..3u8)
        .map(|thread| {
            case.spawn(move || {
                let mut blocks: Vec<Vec<u8>> = Vec::new();
                for index in 0..400usize {
                    blocks.push(vec![thread ^ index as u8; 1 + index * 37 % 5000]);
                    if index % 3 == 0 {
                        blocks.swap_remove(index / 2 % blocks.len());
                    }
                }
                let large = vec![thread; 3 << 20];
                check!(large.iter().all(|byte| *byte == thread));
                check!(blocks.iter().all(|block| block.iter().all(|byte| *byte == block[0])));
                Ok(())
            })
        })
        .collect();
    threads.into_iter().try_for_each(crate::harness::Worker::join)
}
