//! The stack that grows, and what limits and the machine's memory allow.

use super::{PRIVATE, RW, dies_of, in_child};
use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys::{self, PAGE, Region},
};

pub(crate) const TESTS: &[Test] = tests!("memory";
    a_mapping_that_grows_down,
    address_space_has_a_limit,
    data_has_a_limit,
    memory_that_does_not_exist_is_refused,
    many_mappings,
);

fn a_mapping_that_grows_down(_: &Case) -> Outcome {
    // In a child, which nobody maps anything next to.
    in_child(|| {
        let mut room = Region::new(2000, RW)?;
        room.unmap(0..2000 * PAGE)?;
        let stack = Region::map_in_hole(&room, 1990 * PAGE..2000 * PAGE, RW, PRIVATE | libc::MAP_GROWSDOWN)?;
        stack.touch_below(3 * PAGE);
        stack.touch_below(300 * PAGE);
        check_eq!(stack.touch_below(200 * PAGE), 0);
        sys::limit(libc::RLIMIT_STACK, 512 * PAGE as u64)?;
        stack.touch_below(500 * PAGE);
        dies_of(libc::SIGSEGV, || assert_eq!(stack.touch_below(503 * PAGE), 0))
    })
}

fn address_space_has_a_limit(_: &Case) -> Outcome {
    in_child(|| {
        let mut region = Region::new(4, RW)?;
        sys::limit(libc::RLIMIT_AS, 1 << 20)?;
        check_err!(Region::new(300, RW).map(drop), ENOMEM);
        check_err!(Region::new(1, libc::PROT_NONE).map(drop), ENOMEM, "everything counts");
        check_err!(region.resize(8 * PAGE, libc::MREMAP_MAYMOVE), ENOMEM);
        check_err!(Region::grow_heap(100).map(drop), ENOMEM);
        region.write(0, &[1; 4 * PAGE]);
        Ok(())
    })
}

fn data_has_a_limit(_: &Case) -> Outcome {
    in_child(|| {
        sys::limit(libc::RLIMIT_DATA, 4096)?;
        check_err!(Region::new(300, RW).map(drop), ENOMEM);
        check_err!(Region::grow_heap(100).map(drop), ENOMEM);
        check!(Region::new(300, libc::PROT_READ).is_ok(), "what is not writable does not count");
        check!(Region::map(300 * PAGE, RW, super::SHARED, -1, 0).is_ok(), "nor what is shared");
        Ok(())
    })
}

fn memory_that_does_not_exist_is_refused(_: &Case) -> Outcome {
    check_err!(Region::map(1 << 46, RW, PRIVATE, -1, 0).map(drop), ENOMEM);
    check_eq!(Region::map(1 << 40, RW, PRIVATE | libc::MAP_NORESERVE, -1, 0).map(drop), Ok(()));
    check_eq!(Region::map(1 << 40, libc::PROT_NONE, PRIVATE, -1, 0).map(drop), Ok(()));
    Ok(())
}

fn many_mappings(_: &Case) -> Outcome {
    // Every other page differs, so that none can be joined; then all are alike again.
    let region = Region::new(3000, RW)?;
    for page in (0..3000).step_by(2) {
        region.protect(page * PAGE..(page + 1) * PAGE, libc::PROT_READ)?;
    }
    in_child(|| {
        for page in (1..3000).step_by(2) {
            region.write(page * PAGE, &[1]);
        }
        Ok(())
    })?;
    region.protect(0..3000 * PAGE, RW)?;
    for page in 0..3000 {
        let mut byte = [9];
        region.read(page * PAGE, &mut byte);
        check_eq!(byte[0], 0, "page {page}");
        region.write(page * PAGE, &[1]);
    }
    Ok(())
}
