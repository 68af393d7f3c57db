//! What ostd does not save when tasks are switched: floating point registers, segment bases, the address space.
//!
//! The kernel itself uses none of these registers, so they are only saved when another task takes the CPU.

use alloc::sync::Arc;
use core::cell::{Cell, RefCell};

use ostd::{
    arch::cpu::context::{FpuContext, FsBase, GsBase},
    irq::DisabledLocalIrqGuard,
    mm::VmSpace,
    task::{Task, inject_post_schedule_handler, inject_pre_schedule_handler},
};

use super::Thread;
use crate::sched;

/// A user thread's part of the CPU while it is not on one.
pub(super) struct Switched {
    fpu: RefCell<FpuContext>,
    fs_base: Cell<FsBase>,
    gs_base: Cell<GsBase>,
    vm: RefCell<Arc<VmSpace>>,
}

impl Switched {
    /// That of a new program.
    pub(super) fn new(vm: Arc<VmSpace>) -> Self {
        Self {
            fpu: RefCell::new(FpuContext::new()),
            fs_base: Cell::default(),
            gs_base: Cell::default(),
            vm: RefCell::new(vm),
        }
    }

    /// That of a new thread: floating point registers and bases of the one that runs now, but for the FS base if that is
    /// given.
    pub(super) fn copy_of_current(vm: Arc<VmSpace>, fs_base: Option<usize>) -> Self {
        let copy = Self::new(vm);
        copy.fpu.borrow_mut().save();
        let guard = ostd::irq::disable_local();
        copy.save_bases(&guard);
        if let Some(fs_base) = fs_base {
            copy.fs_base.set(FsBase::new(fs_base));
        }
        copy
    }

    fn save_bases(&self, guard: &DisabledLocalIrqGuard) {
        let mut fs_base = FsBase::default();
        fs_base.save();
        self.fs_base.set(fs_base);
        let mut gs_base = GsBase::default();
        gs_base.save(guard);
        self.gs_base.set(gs_base);
    }

    fn save(&self, guard: &DisabledLocalIrqGuard) {
        self.fpu.borrow_mut().save();
        self.save_bases(guard);
    }

    fn load(&self) {
        let guard = ostd::irq::disable_local();
        self.fpu.borrow().load();
        self.fs_base.get().load();
        self.gs_base.get().load(&guard);
        self.vm.borrow().activate();
    }
}

/// Shows the calling thread's place for its floating point registers, so that they can be saved there, or loaded from there.
/// Nothing in `f` may wait.
pub(super) fn with_registers(f: impl FnOnce(&mut FpuContext)) {
    with_current(|_, switched| f(&mut switched.fpu.borrow_mut()));
}

/// Has tasks saved and loaded whenever they are switched. To be called once, before there is any task.
pub(crate) fn init() {
    inject_pre_schedule_handler(|guard| {
        with_current(|thread, switched| {
            switched.save(guard);
            thread.cpu_time.stop();
            thread.schedule.leave();
        });
    });
    inject_post_schedule_handler(|| {
        sched::switched();
        with_current(|thread, switched| {
            thread.schedule.arrive(ostd::cpu::CpuId::current_racy());
            thread.cpu_time.start();
            switched.load();
        });
    });
}

/// From now on the calling thread has another page table.
pub(super) fn change_page_table(vm: &Arc<VmSpace>) {
    with_current(|_, switched| {
        let old = switched.vm.replace(vm.clone());
        vm.activate();
        drop(old);
    });
}

/// Registers as a new program has them, in the processor now.
pub(super) fn reset_registers() {
    FpuContext::new().load();
    FsBase::new(0).load();
    GsBase::new(0).load(&ostd::irq::disable_local());
}

fn with_current(f: impl FnOnce(&Thread, &Switched)) {
    if let Some(task) = Task::current()
        && let Some(switched) = task.local_data().downcast_ref::<Switched>()
        && let Some(thread) = task.data().downcast_ref::<Arc<Thread>>()
    {
        f(thread, switched);
    }
}
