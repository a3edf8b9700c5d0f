//! From what was agreed to what is computed with.

use ike_negotiation::{Cipher as Agreed, IkeSuite};

use crate::keys::Algorithms;
use crate::protection::Cipher;

pub(crate) fn cipher(agreed: Agreed) -> Cipher {
    match agreed {
        Agreed::Aead(algorithm) => Cipher::Aead(algorithm),
        Agreed::Cbc { integrity, .. } => {
            Cipher::CbcHmac { key_len: agreed.encryption_keymat_len(), integrity }
        }
    }
}

pub(crate) fn algorithms(suite: &IkeSuite) -> Algorithms {
    Algorithms { prf: suite.prf, cipher: cipher(suite.cipher) }
}
