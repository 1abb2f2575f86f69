"""Who made the models, what they allow, what is owed to them, and the proof that nothing was dropped.

    license = read_license(path.read_bytes(), source=str(path))   # intaglio.licensing.license
    ledger = Ledger(open_store("intaglio.db"))                    # intaglio.licensing.ledger
    ledger.publish(license)
    works = works_in_use(pipeline)                                # intaglio.licensing.identity
    authorization = ledger.authorize(request, expires_after=timedelta(minutes=10))
    with ledger.store.transaction() as connection:
        ledger.commit(connection, authorization, [Delivered("00ff00ff00ff00ff", None, None)])
    ledger.royalties()                                            # per holder, license and currency
    ledger.check()                                                # recomputes every hash and every row

A work is recognized by the digest of its tensors, never by its name. What no license covers is refused
before anything is generated. Every decision is a leaf of a Merkle tree (RFC 6962), so a rights holder who
kept an earlier tree head can prove that nothing was changed or taken away since.
"""
