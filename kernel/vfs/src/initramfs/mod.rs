//! The boot image: a cpio archive in the "newc" format (Linux's
//! `Documentation/driver-api/early-userspace/buffer-format.rst`).

mod error;
mod load;
mod newc;

pub use self::{
    error::{LoadError, Problem},
    load::{Loaded, load_initramfs},
};
