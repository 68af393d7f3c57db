//! What is asked of the kernel, and how it is acknowledged (`netlink_rcv_skb` and `netlink_ack` of Linux).

use alloc::sync::Arc;

use linux_raw_sys::{
    general::CAP_NET_ADMIN,
    netlink::{NETLINK_KOBJECT_UEVENT, NETLINK_SOCK_DIAG},
};
use net_stack::time::Instant;

use super::{
    diag,
    endpoint::{Datagram, Endpoint, Switches},
    message::{Builder, HEADER, Header, Message, messages},
    route,
    uapi::{
        NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_REQUEST, NLMSG_ERROR, NLMSGERR_ATTR_MSG,
        NLMSGERR_ATTR_OFFS,
    },
    uevent,
};
use crate::{
    error::{Errno, Error, Result},
    identity::Identity,
    world::World,
};

/// Types of messages below are the protocol's own (`NLMSG_MIN_TYPE`).
const TYPES: u16 = 16;

/// On whose behalf something is done, and when.
pub(crate) struct Context<'a> {
    pub(crate) world: &'a World,
    /// Who it is, for those who have to know: most requests are everybody's.
    pub(crate) program: &'a dyn Program,
    pub(crate) now: Instant,
}

/// A program that asks for something.
pub(crate) trait Program {
    /// Who it is.
    fn identity(&self) -> Arc<Identity>;

    /// Whether it has a capability (`CAP_*`).
    fn is_capable(&self, capability: u32) -> bool;
}

impl Context<'_> {
    /// The process.
    pub(super) fn pid(&self) -> u32 {
        self.program.identity().pid as u32
    }

    /// CAP_NET_ADMIN
    pub(super) fn may_administer(&self) -> bool {
        self.program.is_capable(CAP_NET_ADMIN)
    }

    /// Whether the program may speak to others than the kernel.
    ///
    /// # Errors
    /// EPERM.
    pub(super) fn may_speak(&self) -> Result<()> {
        if self.may_administer() { Ok(()) } else { Err(Error::new(Errno::EPERM, "without CAP_NET_ADMIN")) }
    }
}

/// Why something was not done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Refusal {
    pub(super) errno: Errno,
    text: Option<&'static str>,
    /// Where in the message the attribute is that is to blame.
    offset: Option<u32>,
}

/// What becomes of a request.
pub(super) type Outcome<T> = core::result::Result<T, Refusal>;

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let text = Some(error.reason).filter(|reason| !reason.is_empty());
        Self { text, ..Self::new(error.errno) }
    }
}

impl Refusal {
    pub(super) const fn new(errno: Errno) -> Self {
        Self { errno, text: None, offset: None }
    }

    /// With a reason for people.
    pub(super) const fn because(self, text: &'static str) -> Self {
        Self { text: Some(text), ..self }
    }

    /// With the place of the attribute that is to blame.
    pub(super) const fn at(self, offset: usize) -> Self {
        Self { offset: Some(offset as u32), ..self }
    }
}

/// What was done.
pub(super) enum Done {
    /// All of it: an acknowledgement follows where one is wanted.
    All,
    /// The answer comes in parts, and ends itself.
    Dump,
}

/// A request, and all that it takes to answer it.
pub(super) struct Request<'a> {
    pub(super) endpoint: &'a Arc<Endpoint>,
    pub(super) context: &'a Context<'a>,
    pub(super) message: Message<'a>,
}

impl Request<'_> {
    /// The header of an answer of that type.
    pub(super) fn header(&self, kind: u16, flags: u16) -> Header {
        Header { kind, flags, sequence: self.message.sequence, port: self.endpoint.port() }
    }

    /// Answers with a message.
    pub(super) fn answer(&self, builder: Builder) {
        let bytes = Arc::new(builder.finish());
        self.endpoint.deliver(Datagram { bytes, port: 0, group: 0, sender: None });
    }

    pub(super) fn has(&self, flags: u16) -> bool {
        self.message.flags & flags == flags
    }

    /// Whether the socket wants what it asks for to be checked (NETLINK_GET_STRICT_CHK).
    pub(super) fn is_strict(&self) -> bool {
        self.endpoint.switches().contains(Switches::STRICT)
    }
}

/// Does what the messages ask the kernel for.
pub(super) fn perform(endpoint: &Arc<Endpoint>, bytes: &[u8], context: &Context<'_>) {
    for message in messages(bytes) {
        let request = Request { endpoint, context, message };
        let done = if !request.has(NLM_F_REQUEST) || message.kind < TYPES {
            Ok(Done::All)
        } else if endpoint.protocol == NETLINK_KOBJECT_UEVENT {
            uevent::perform(&request)
        } else if endpoint.protocol == NETLINK_SOCK_DIAG {
            diag::perform(&request)
        } else {
            route::perform(&request)
        };
        match done {
            Ok(Done::All) if request.has(NLM_F_ACK) => acknowledge(&request, None),
            Ok(_) => {}
            Err(refusal) => acknowledge(&request, Some(refusal)),
        }
    }
}

/// Says what became of a request.
fn acknowledge(request: &Request<'_>, refusal: Option<Refusal>) {
    let switches = request.endpoint.switches();
    let message = request.message;
    let capped = refusal.is_none() || switches.contains(Switches::CAP_ACK);
    let told = refusal.filter(|refusal| {
        let tells = refusal.text.is_some() || refusal.offset.is_some();
        tells && switches.contains(Switches::EXTENDED_ACK)
    });
    let mut flags = if capped { NLM_F_CAPPED } else { 0 };
    if told.is_some() {
        flags |= NLM_F_ACK_TLVS;
    }
    let mut builder = Builder::with_capacity(128);
    builder.begin(request.header(NLMSG_ERROR, flags));
    let errno = refusal.map_or(0, |refusal| -i32::from(refusal.errno.number()));
    builder.put(&errno.to_ne_bytes());
    builder.put(if capped { &message.bytes[..HEADER] } else { message.bytes });
    if let Some(Refusal { text, offset, .. }) = told {
        if let Some(text) = text {
            builder.text(NLMSGERR_ATTR_MSG, text);
        }
        if let Some(offset) = offset {
            builder.number(NLMSGERR_ATTR_OFFS, offset);
        }
    }
    builder.end();
    request.answer(builder);
}
