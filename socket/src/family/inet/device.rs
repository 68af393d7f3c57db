//! SO_BINDTODEVICE (`socket(7)`).

use net_stack::net::Interface;
use scml::SocketState;

use super::Internet;
use crate::error::{Errno, Error, Result};

impl Internet {
    /// The name of the device that the socket is bound to; none where it is bound to none.
    ///
    /// # Errors
    /// ENODEV where the device is gone.
    pub(crate) fn device(&self) -> Result<Option<[u8; 16]>> {
        let Some(device) = self.choices().device else { return Ok(None) };
        self.stack().network(|network| {
            let interface = network.interface(device).ok_or(GONE)?;
            let mut name = [0; 16];
            for (to, from) in name.iter_mut().take(15).zip(interface.name.bytes()) {
                *to = from;
            }
            Ok(Some(name))
        })
    }

    /// Binds the socket to a device, by its name, or to none.
    ///
    /// # Errors
    /// ENODEV; EPERM where it is bound to one already and `may_change` (CAP_NET_RAW) is not so; EINVAL for a socket that
    /// listens: for whom it listens stays as it was.
    pub(crate) fn set_device(&self, name: &[u8], may_change: bool) -> Result<()> {
        let wanted = match name {
            [] => None,
            name => {
                let is_it = |interface: &&Interface| interface.name.as_bytes() == name;
                let found = self.stack().network(|network| network.interfaces().find(is_it).map(|it| it.id));
                Some(found.ok_or(GONE)?)
            }
        };
        if self.choices().device.is_some() && !may_change {
            return Err(Error::new(Errno::EPERM, "without CAP_NET_RAW"));
        }
        if self.phase() == SocketState::Listening {
            return Err(Error::new(Errno::EINVAL, "the socket listens"));
        }
        self.choose(|choices| choices.device = wanted);
        Ok(())
    }
}

const GONE: Error = Error::new(Errno::ENODEV, "no such device");
