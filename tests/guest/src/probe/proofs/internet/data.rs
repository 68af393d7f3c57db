//! Data.

pub(crate) mod sendto {
    use crate::{
        harness::check_eq,
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        sys,
    };

    /// What is sent is received whole.
    fn sends(at: &Situation<'_>) -> Attempt {
        let (one, other) = at.pair()?;
        check_eq!(probed(sys::send(&one, b"whole", 0))?, 5);
        let mut data = [0; 8];
        check_eq!(sys::read(&other, &mut data)?, 5);
        check_eq!(&data[..5], b"whole");
        Ok(())
    }

    kinds! {
        sends;
        sockfd_af_inet_sock_stream sockfd_af_inet_sock_dgram sockfd_af_inet6_sock_stream sockfd_af_inet6_sock_dgram
    }
}

pub(crate) mod write {
    use crate::{
        harness::check_eq,
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        sys,
    };

    /// What is sent is received whole.
    fn sends(at: &Situation<'_>) -> Attempt {
        let (one, other) = at.pair()?;
        check_eq!(probed(sys::write(&one, b"whole"))?, 5);
        let mut data = [0; 8];
        check_eq!(sys::read(&other, &mut data)?, 5);
        check_eq!(&data[..5], b"whole");
        Ok(())
    }

    kinds! {
        sends;
        fd_af_inet_sock_stream fd_af_inet_sock_dgram fd_af_inet6_sock_stream fd_af_inet6_sock_dgram
    }
}

pub(crate) mod writev {
    use std::io::IoSlice;

    use crate::{
        harness::check_eq,
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        sys,
    };

    /// What is sent is received whole.
    fn sends(at: &Situation<'_>) -> Attempt {
        let (one, other) = at.pair()?;
        check_eq!(probed(sys::writev(&one, &[IoSlice::new(b"who"), IoSlice::new(b"le")]))?, 5);
        let mut data = [0; 8];
        check_eq!(sys::read(&other, &mut data)?, 5);
        check_eq!(&data[..5], b"whole");
        Ok(())
    }

    kinds! {
        sends;
        fd_af_inet_sock_stream fd_af_inet_sock_dgram fd_af_inet6_sock_stream fd_af_inet6_sock_dgram
    }
}

pub(crate) mod sendmsg {
    use std::io::IoSlice;

    use crate::{
        harness::check_eq,
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        sys::{self, Envelope},
    };

    /// What is sent is received whole.
    fn sends(at: &Situation<'_>) -> Attempt {
        let (one, other) = at.pair()?;
        check_eq!(
            probed(sys::sendmsg(&one, &[IoSlice::new(b"who"), IoSlice::new(b"le")], Envelope::default(), 0))?
                .bytes,
            5
        );
        let mut data = [0; 8];
        check_eq!(sys::read(&other, &mut data)?, 5);
        check_eq!(&data[..5], b"whole");
        Ok(())
    }

    kinds! {
        sends;
        sockfd_af_inet_sock_stream sockfd_af_inet_sock_dgram sockfd_af_inet6_sock_stream sockfd_af_inet6_sock_dgram
    }
}

pub(crate) mod sendmmsg {
    use crate::{
        harness::check_eq,
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        sys::{self, Outgoing},
    };

    /// What is sent is received whole.
    fn sends(at: &Situation<'_>) -> Attempt {
        let (one, other) = at.pair()?;
        let message = Outgoing { data: b"whole", to: None, control: None };
        let (count, lengths) = probed(sys::sendmmsg(&one, &[message], 0))?;
        check_eq!((count, lengths[0]), (1, 5));
        let mut data = [0; 8];
        check_eq!(sys::read(&other, &mut data)?, 5);
        check_eq!(&data[..5], b"whole");
        Ok(())
    }

    kinds! {
        sends;
        sockfd_af_inet_sock_stream sockfd_af_inet_sock_dgram sockfd_af_inet6_sock_stream sockfd_af_inet6_sock_dgram
    }
}

pub(crate) mod recvfrom {
    use crate::{
        harness::check_eq,
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        sys,
    };

    /// What was sent is received whole.
    fn receives(at: &Situation<'_>) -> Attempt {
        let (one, other) = at.pair()?;
        sys::write(&one, b"whole")?;
        let mut data = [0; 8];
        check_eq!(probed(sys::recv(&other, &mut data, 0))?, 5);
        check_eq!(&data[..5], b"whole");
        Ok(())
    }

    kinds! {
        receives;
        sockfd_af_inet_sock_stream sockfd_af_inet_sock_dgram sockfd_af_inet6_sock_stream sockfd_af_inet6_sock_dgram
    }
}

pub(crate) mod read {
    use crate::{
        harness::check_eq,
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        sys,
    };

    /// What was sent is received whole.
    fn receives(at: &Situation<'_>) -> Attempt {
        let (one, other) = at.pair()?;
        sys::write(&one, b"whole")?;
        let mut data = [0; 8];
        check_eq!(probed(sys::read(&other, &mut data))?, 5);
        check_eq!(&data[..5], b"whole");
        Ok(())
    }

    kinds! {
        receives;
        fd_af_inet_sock_stream fd_af_inet_sock_dgram fd_af_inet6_sock_stream fd_af_inet6_sock_dgram
    }
}

pub(crate) mod readv {
    use std::io::IoSliceMut;

    use crate::{
        harness::check_eq,
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        sys,
    };

    /// What was sent is received whole.
    fn receives(at: &Situation<'_>) -> Attempt {
        let (one, other) = at.pair()?;
        sys::write(&one, b"whole")?;
        let mut data = [0; 8];
        check_eq!(probed(sys::readv(&other, &mut [IoSliceMut::new(&mut data)]))?, 5);
        check_eq!(&data[..5], b"whole");
        Ok(())
    }

    kinds! {
        receives;
        fd_af_inet_sock_stream fd_af_inet_sock_dgram fd_af_inet6_sock_stream fd_af_inet6_sock_dgram
    }
}

pub(crate) mod recvmsg {
    use std::io::IoSliceMut;

    use crate::{
        harness::check_eq,
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        sys::{self, Envelope},
    };

    /// What was sent is received whole.
    fn receives(at: &Situation<'_>) -> Attempt {
        let (one, other) = at.pair()?;
        sys::write(&one, b"whole")?;
        let mut data = [0; 8];
        check_eq!(
            probed(sys::recvmsg(&other, &mut [IoSliceMut::new(&mut data)], Envelope::default(), 0))?.bytes,
            5
        );
        check_eq!(&data[..5], b"whole");
        Ok(())
    }

    kinds! {
        receives;
        sockfd_af_inet_sock_stream sockfd_af_inet_sock_dgram sockfd_af_inet6_sock_stream sockfd_af_inet6_sock_dgram
    }
}

pub(crate) mod recvmmsg {
    use crate::{
        harness::check_eq,
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        sys,
    };

    /// What was sent is received whole.
    fn receives(at: &Situation<'_>) -> Attempt {
        let (one, other) = at.pair()?;
        sys::write(&one, b"whole")?;
        let mut data = [0; 8];
        let (count, headers) = probed(sys::recvmmsg(&other, &mut [&mut data], 0, None))?;
        check_eq!((count, headers[0].bytes), (1, 5));
        check_eq!(&data[..5], b"whole");
        Ok(())
    }

    kinds! {
        receives;
        sockfd_af_inet_sock_stream sockfd_af_inet_sock_dgram sockfd_af_inet6_sock_stream sockfd_af_inet6_sock_dgram
    }
}

pub(crate) mod ioctl {
    use crate::{
        harness::check_eq,
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        sys,
    };

    /// A request reaches the socket.
    fn counts(at: &Situation<'_>) -> Attempt {
        let (one, other) = at.pair()?;
        sys::write(&one, b"whole")?;
        at.arrived(&other)?;
        let mut bytes = -1;
        probed(sys::ioctl(&other, libc::FIONREAD, &mut bytes))?;
        check_eq!(bytes, 5);
        Ok(())
    }

    kinds! {
        counts;
        fd_af_inet_sock_stream fd_af_inet_sock_dgram fd_af_inet6_sock_stream fd_af_inet6_sock_dgram
    }
}

pub(crate) mod sendfile {
    use crate::{
        harness::check_eq,
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        sys,
    };

    /// A file's contents are received.
    fn sends(at: &Situation<'_>) -> Attempt {
        let (one, other) = at.pair()?;
        let file = sys::open(&at.path("file"), libc::O_RDWR | libc::O_CREAT, 0o600)?;
        sys::write(&file, b"whole")?;
        check_eq!(probed(sys::sendfile(&one, &file, Some(&mut 0), 5))?, 5);
        let mut data = [0; 8];
        check_eq!(sys::read(&other, &mut data)?, 5);
        check_eq!(&data[..5], b"whole");
        Ok(())
    }

    kinds! {
        sends;
        out_fd_af_inet_sock_stream out_fd_af_inet_sock_dgram out_fd_af_inet6_sock_stream out_fd_af_inet6_sock_dgram
    }
}
