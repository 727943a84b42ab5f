// Which stripes there are and how much of each is alive. A stripe whose last reference goes moves
// from the stripe table to the rows to be freed, in the same operation.
#pragma once

#include "namespace/txn.h"

namespace atl::ns {

// `length` bytes of the stripe are referred to once more. The first reference puts it on the table
// as a direct stripe. kConflict: it has been freed meanwhile.
Status add_reference(Txn& txn, const stripe::StripeRef& ref, uint64_t length);
// The same for a packed stripe, described by `stripe` (without its live bytes).
Status add_packed_reference(Txn& txn, const StripeRecord& stripe, uint64_t length);
Status drop_reference(Txn& txn, const stripe::StripeRef& ref, uint64_t length);

}  // namespace atl::ns
