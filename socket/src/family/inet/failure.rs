//! net-stack's reasons as errnos.

use net_stack::{
    datagram,
    icmp::Trouble,
    net::{Action, PathError},
    tcp::{self, Disposition},
};

use crate::error::{Errno, Error};

/// Linux's `icmp_err_convert`.
pub(super) fn of_trouble(trouble: Trouble) -> Errno {
    match trouble {
        Trouble::NetUnreachable => Errno::ENETUNREACH,
        Trouble::HostUnreachable | Trouble::TimeExceeded => Errno::EHOSTUNREACH,
        Trouble::ProtocolUnreachable => Errno::ENOPROTOOPT,
        Trouble::PortUnreachable => Errno::ECONNREFUSED,
        Trouble::TooBig { .. } => Errno::EMSGSIZE,
        Trouble::SourceRouteFailed => Errno::EOPNOTSUPP,
        Trouble::HostDown => Errno::EHOSTDOWN,
        Trouble::HostIsolated => Errno::ENONET,
        Trouble::Parameter => Errno::EPROTO,
    }
}

pub(super) fn of_path(error: PathError) -> Error {
    match error {
        PathError::Unreachable => Error::new(Errno::ENETUNREACH, "no route leads there"),
        PathError::NoSource => Error::new(Errno::EADDRNOTAVAIL, "there is no address to send from"),
        PathError::Rejected(Action::Unreachable) => Error::new(Errno::EHOSTUNREACH, "a route says so"),
        PathError::Rejected(Action::Prohibit) => Error::new(Errno::EACCES, "a route forbids it"),
        PathError::Rejected(_) => Error::new(Errno::EINVAL, "a route leads into a black hole"),
        PathError::NoDevice => Error::new(Errno::ENODEV, "the device is not there, or not up"),
    }
}

pub(super) fn of_disposition(disposition: Disposition) -> Errno {
    match disposition {
        Disposition::Refused => Errno::ECONNREFUSED,
        Disposition::Reset => Errno::ECONNRESET,
        Disposition::ResetAfterClose => Errno::EPIPE,
        Disposition::TimedOut => Errno::ETIMEDOUT,
        Disposition::Aborted => Errno::ECONNABORTED,
        Disposition::Trouble(trouble) => of_trouble(trouble),
        Disposition::Path(error) => of_path(error).errno,
    }
}

pub(super) fn of_connect(error: tcp::ConnectError) -> Error {
    match error {
        tcp::ConnectError::Path(error) => of_path(error),
        tcp::ConnectError::Taken => Error::new(Errno::EADDRNOTAVAIL, "the two are connected already"),
        tcp::ConnectError::Exhausted => Error::new(Errno::EADDRNOTAVAIL, "no port is free"),
        tcp::ConnectError::NoPort => Error::new(Errno::ECONNREFUSED, "nobody listens at port 0"),
    }
}

pub(super) fn of_datagram_connect(error: datagram::ConnectError) -> Error {
    match error {
        datagram::ConnectError::Path(error) => of_path(error),
        datagram::ConnectError::Broadcast => Error::new(Errno::EACCES, "SO_BROADCAST is not set"),
        datagram::ConnectError::Exhausted => Error::new(Errno::EAGAIN, "no port is free"),
        datagram::ConnectError::Version => Error::new(Errno::ENETUNREACH, "the socket has no IPv4"),
    }
}

pub(super) fn of_send(error: datagram::SendError) -> Error {
    use datagram::SendError;
    match error {
        SendError::NoDestination => Error::new(Errno::EDESTADDRREQ, "the socket is not connected"),
        SendError::InvalidDestination => Error::new(Errno::EINVAL, "nobody has port 0"),
        SendError::Version => Error::new(Errno::ENETUNREACH, "the socket has no IPv4"),
        SendError::Path(error) => of_path(error),
        SendError::Broadcast => Error::new(Errno::EACCES, "SO_BROADCAST is not set"),
        SendError::TooLong => Error::new(Errno::EMSGSIZE, "no datagram is so long"),
        SendError::Exhausted => Error::new(Errno::EAGAIN, "no port is free"),
        SendError::Shut => Error::new(Errno::EPIPE, "shut down"),
        SendError::Pending(trouble) => of_trouble(trouble).into(),
        SendError::Malformed => Error::new(Errno::EINVAL, "not what such a socket sends"),
    }
}

pub(super) fn of_bind(error: datagram::BindError) -> Error {
    use datagram::BindError;
    match error {
        BindError::Already => Error::new(Errno::EINVAL, "the socket is bound already"),
        BindError::InUse => Error::new(Errno::EADDRINUSE, "somebody has the port"),
        BindError::Exhausted => Error::new(Errno::EADDRINUSE, "no port is free"),
        BindError::NotLocal => Error::new(Errno::EADDRNOTAVAIL, "not an address of this host"),
        BindError::Version => Error::new(Errno::EINVAL, "the socket has no IPv4"),
    }
}
