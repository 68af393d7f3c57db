//! Resource limits (getrlimit(2)).

use linux_raw_sys::general::{
    RLIM_NLIMITS, RLIMIT_CORE, RLIMIT_NICE, RLIMIT_NOFILE, RLIMIT_RTPRIO, RLIMIT_STACK,
};

use crate::mm::layout::STACK_SIZE;

/// No limit.
pub(crate) const INFINITY: u64 = u64::MAX;

/// A soft limit, which binds, and a hard one, up to which it may be raised.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Limit {
    pub(crate) soft: u64,
    pub(crate) hard: u64,
}

/// All limits of a process, by resource number.
#[derive(Clone)]
pub(crate) struct Limits([Limit; RLIM_NLIMITS as usize]);

impl Default for Limits {
    fn default() -> Self {
        let mut limits = [Limit { soft: INFINITY, hard: INFINITY }; RLIM_NLIMITS as usize];
        limits[RLIMIT_STACK as usize].soft = STACK_SIZE as u64;
        limits[RLIMIT_CORE as usize].soft = 0;
        limits[RLIMIT_NICE as usize] = Limit { soft: 0, hard: 0 };
        limits[RLIMIT_RTPRIO as usize] = Limit { soft: 0, hard: 0 };
        limits[RLIMIT_NOFILE as usize] = Limit { soft: u64::from(vfs::DEFAULT_LIMIT), hard: 4096 };
        Self(limits)
    }
}

impl Limits {
    /// The limit of a resource, if there is such a resource.
    pub(crate) fn get(&self, resource: u32) -> Option<Limit> {
        self.0.get(resource as usize).copied()
    }

    /// Changes the limit of a resource, if there is such a resource.
    pub(crate) fn set(&mut self, resource: u32, limit: Limit) {
        if let Some(place) = self.0.get_mut(resource as usize) {
            *place = limit;
        }
    }
}
