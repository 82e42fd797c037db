"""What is added to PIDNet, by the names of the original project; see docs/methods.md."""

# Where the unlabelled frames go: nowhere (supervised), or through the network
# with the labelled ones (semi), or also through a memory.
supervised = dict(labelled_only=True)
semi = dict(labelled_only=False)
gpm = dict(memory=dict(type="EchoGatedPropagation"), memory_on="fused")
multigpm = dict(memory=dict(type="EchoGatedPropagation"), memory_on="branches")

mse = dict(type="EchoNeighbourMSE", weight=1.0)
kl = dict(type="EchoNeighbourKL", weight=0.1)
change = dict(type="EchoChangeSmoothness", weight=1.0)

cons = dict(terms=[mse, kl])
cons_mse = dict(terms=[mse])
cons_kl = dict(terms=[kl])
cons_mse_abs = dict(terms=[mse, change])
feat = dict(terms=[dict(type="EchoFeatureSimilarity", weight=0.1)])
hl = dict(hardness_head=dict(type="EchoHardnessHead"))
temp = dict(time_embedding=dict(type="EchoTimeEmbedding"))
tpag = dict(backbone=dict(small_object_pag=True))
mt = dict(type="EchoMeanTeacher")
