//! Proofs for the family AF_NETLINK.
//!
//! | file | what |
//! |---|---|
//! | `names` | socket(2), bind(2), connect(2), getsockname(2), getpeername(2) |
//! | `data` | the calls that send and receive |
//! | `messages` | types of messages, their flags and attributes |
//! | `options` | options of SOL_NETLINK |

pub(super) mod data;
pub(crate) mod messages;
pub(super) mod names;
pub(super) mod options;
