//! The memory of processes.
//!
//! An [`AddressSpace`] is ostd's page table plus an ordered list of what is mapped where. Pages come when they are first
//! touched, from user mode or by the kernel's own copies. Private pages that a fork made common to two address spaces are
//! mapped read-only in both; the first to write gets a copy.

mod advise;
mod exhaustion;
mod fault;
mod fork;
mod frames;
mod inherited;
pub(crate) mod layout;
mod lock;
mod map;
mod mapping;
mod pages;
mod peek;
mod protect;
mod remap;
mod reserve;
mod source;
pub(crate) mod space;
pub(crate) mod user;

pub(crate) use advise::Discard;
pub(crate) use exhaustion::relieve;
pub(crate) use fault::{Access, FaultError, init as init_faults};
pub(crate) use frames::{available_bytes, free_bytes, has_room_for_thread, total_bytes};
pub(crate) use map::Place;
pub(crate) use mapping::{OnFork, Protection, Rules};
pub(crate) use pages::FilePages;
pub(crate) use reserve::{init as init_reserve, under_pressure};
pub(crate) use source::{Backing, Source, shared_file, shared_memory};
pub(crate) use space::{AddressSpace, StringPlaces};
