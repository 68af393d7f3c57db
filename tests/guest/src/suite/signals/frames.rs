//! What handlers find on the stack, and what happens when they change it.

use super::{RECORD, killed, seen};
use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys::{
        self, PAGE, Region,
        signals::{self, Deed, Reaction},
    },
};

pub(crate) const TESTS: &[Test] = tests!("signals::frames";
    floating_point_registers_survive,
    harmless_changes,
    bad_frames_end_the_process,
    bad_floating_point_states_end_the_process,
    handlers_run_on_the_alternate_stack,
    alternate_stacks_that_are_refused,
    alternate_stacks_that_overflow,
    handlers_without_a_stack,
    handlers_that_are_nowhere,
    returning_without_a_frame,
);

fn floating_point_registers_survive(case: &Case) -> Outcome {
    case.in_child(|| {
        let pid = sys::getpid()? as i32;
        signals::react(libc::SIGUSR1, RECORD)?;
        for _ in 0..10 {
            check!(signals::registers_survive(pid, pid, libc::SIGUSR1));
            check_eq!(seen(), [libc::SIGUSR1]);
        }
        // The state that FXSAVE stores is restored even if nothing says that there is more.
        signals::do_to_frame(Deed::NoMagic);
        check!(signals::registers_survive(pid, pid, libc::SIGUSR1));
        signals::do_to_frame(Deed::NullState);
        check!(!signals::registers_survive(pid, pid, libc::SIGUSR1));
        Ok(())
    })
}

fn harmless_changes(case: &Case) -> Outcome {
    case.in_child(|| {
        signals::react(libc::SIGUSR1, RECORD)?;
        for deed in [Deed::Nothing, Deed::NullState, Deed::NoMagic, Deed::Flags] {
            signals::do_to_frame(deed);
            signals::raise(libc::SIGUSR1)?;
            check_eq!(seen(), [libc::SIGUSR1], "{deed:?}");
        }
        Ok(())
    })
}

/// How a process ends whose handler does this to its frame.
fn ends(case: &Case, deed: Deed) -> Outcome<Option<i32>> {
    let status = case.child_status(|| {
        // The standard library has a handler.
        signals::react(libc::SIGSEGV, Reaction::Default)?;
        signals::react(libc::SIGUSR1, RECORD)?;
        signals::do_to_frame(deed);
        signals::raise(libc::SIGUSR1)?;
        Ok(0)
    })?;
    Ok(killed(status))
}

fn bad_frames_end_the_process(case: &Case) -> Outcome {
    for deed in [Deed::Pointer, Deed::KernelPointer, Deed::Segment, Deed::StackSegment] {
        check_eq!(ends(case, deed)?, Some(libc::SIGSEGV), "{deed:?}");
    }
    Ok(())
}

fn bad_floating_point_states_end_the_process(case: &Case) -> Outcome {
    for deed in
        [Deed::Mxcsr, Deed::Component, Deed::Compacted, Deed::Reserved, Deed::NoState, Deed::KernelState]
    {
        check_eq!(ends(case, deed)?, Some(libc::SIGSEGV), "{deed:?}");
    }
    Ok(())
}

fn handlers_run_on_the_alternate_stack(case: &Case) -> Outcome {
    case.in_child(|| {
        let stack = Region::new(16, libc::PROT_READ | libc::PROT_WRITE)?;
        let within = |address: usize| (stack.at(0)..stack.at(stack.length())).contains(&address);
        // The standard library has one.
        signals::alternate_stack(Some([0, libc::SS_DISABLE as usize, 0]))?;
        check_eq!(signals::alternate_stack(None)?, [0, libc::SS_DISABLE as usize, 0]);
        signals::alternate_stack(Some([stack.at(0), 0, stack.length()]))?;
        check_eq!(signals::alternate_stack(None)?, [stack.at(0), 0, stack.length()]);
        for (flags, expected) in [(0, false), (libc::SA_ONSTACK, true)] {
            signals::react(libc::SIGUSR1, Reaction::Record(flags, 0))?;
            signals::raise(libc::SIGUSR1)?;
            let records = signals::records();
            check_eq!(within(records[0].stack), expected);
        }
        signals::alternate_stack(Some([0, libc::SS_DISABLE as usize, 0]))?;
        signals::raise(libc::SIGUSR1)?;
        check!(!within(signals::records()[0].stack));
        Ok(())
    })
}

fn alternate_stacks_that_are_refused(case: &Case) -> Outcome {
    case.in_child(|| {
        let old = signals::alternate_stack(None)?;
        check_err!(signals::alternate_stack(Some([PAGE, 0, 2047])), ENOMEM);
        check_err!(signals::alternate_stack(Some([PAGE, 4, 4 * PAGE])), EINVAL);
        check_err!(signals::alternate_stack(Some([PAGE, 3, 4 * PAGE])), EINVAL);
        check_eq!(signals::alternate_stack(None)?, old);
        // Where it is does not matter until it is used.
        signals::alternate_stack(Some([usize::MAX, libc::SS_ONSTACK as usize, usize::MAX]))?;
        signals::alternate_stack(Some([0, libc::SS_DISABLE as usize, 0]))?;
        Ok(())
    })
}

/// How a process ends that has this alternate stack, and no other to handle the fault on.
fn ends_with_stack(case: &Case, stack: [usize; 3]) -> Outcome<Option<i32>> {
    let status = case.child_status(|| {
        signals::alternate_stack(Some(stack))?;
        signals::react(libc::SIGUSR1, Reaction::Record(libc::SA_ONSTACK, 0))?;
        signals::react(libc::SIGSEGV, Reaction::Record(libc::SA_ONSTACK, 0))?;
        signals::raise(libc::SIGUSR1)?;
        Ok(0)
    })?;
    Ok(killed(status))
}

fn alternate_stacks_that_overflow(case: &Case) -> Outcome {
    // A frame with the largest state does not fit into the smallest stack; what is below is not touched.
    let stack = Region::new(4, libc::PROT_READ | libc::PROT_WRITE)?;
    let small = Region::new(2, libc::PROT_NONE)?;
    check_eq!(ends_with_stack(case, [small.at(0), 0, 2 * PAGE])?, Some(libc::SIGSEGV));
    check_eq!(ends_with_stack(case, [stack.at(0), 0, 4 * PAGE])?, None);
    check_eq!(ends_with_stack(case, [usize::MAX - 4 * PAGE, 0, 4 * PAGE])?, Some(libc::SIGSEGV));
    check_eq!(ends_with_stack(case, [1 << 63, 0, 4 * PAGE])?, Some(libc::SIGSEGV));
    check_eq!(ends_with_stack(case, [0, 0, 2 * PAGE])?, Some(libc::SIGSEGV));
    Ok(())
}

fn handlers_without_a_stack(case: &Case) -> Outcome {
    let region = Region::new(1, libc::PROT_NONE)?;
    let status = case.child_status(|| {
        signals::react(libc::SIGSEGV, RECORD)?;
        signals::return_from(region.at(64));
    })?;
    check_eq!(killed(status), Some(libc::SIGSEGV));
    Ok(())
}

fn handlers_that_are_nowhere(case: &Case) -> Outcome {
    let status = case.child_status(|| {
        signals::react(libc::SIGSEGV, Reaction::Default)?;
        signals::react(libc::SIGUSR1, Reaction::Nowhere)?;
        signals::raise(libc::SIGUSR1)?;
        Ok(0)
    })?;
    check_eq!(killed(status), Some(libc::SIGSEGV));
    Ok(())
}

fn returning_without_a_frame(case: &Case) -> Outcome {
    let empty = Region::new(2, libc::PROT_READ | libc::PROT_WRITE)?;
    for stack in [0, 8, 1 << 47, 1 << 63, usize::MAX, usize::MAX - 7, empty.at(64), empty.at(PAGE + 4000)] {
        let status = case.child_status(|| {
            signals::react(libc::SIGSEGV, Reaction::Default)?;
            signals::return_from(stack)
        })?;
        check_eq!(killed(status), Some(libc::SIGSEGV), "{stack:#x}");
    }
    Ok(())
}
