// A table's half in the browser: it holds the rows of the shown page and takes patches, so that only changed rows travel.
// Vue keeps the cells' elements through every patch; the keyboard's focus stays where it is. All texts come from the server.
export default {
  template: `
    <div class="paged-table">
      <table :aria-label="label">
        <thead>
          <tr>
            <th v-for="col in columns" :key="col.name" scope="col" :class="look(col)" :aria-sort="col.sorted">
              <button v-if="col.sorted" type="button" class="sort" :title="col.title" @click="$emit('sort', col.name)">
                <span>{{ col.label }}</span><i class="icon icon-sort" aria-hidden="true"></i>
              </button>
              <span v-else class="unsorted" :title="col.title">{{ col.label }}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          <tr v-for="row in shown" :key="row.id" :data-state="row.look">
            <component v-for="col in columns" :key="col.name" :is="col.head ? 'th' : 'td'" :scope="col.head ? 'row' : null"
                :class="look(col)" :data-label="col.label" :data-state="row[col.name + '_state']">
              <i v-if="row[col.name + '_state']" class="icon icon-state" aria-hidden="true"></i>
              <span class="cell-words"><a v-if="row[col.name + '_href']" :href="row[col.name + '_href']">{{ row[col.name] }}</a>
                <span v-else>{{ row[col.name] }}</span>
                <small v-if="row[col.name + '_note']">{{ row[col.name + '_note'] }}</small></span>
            </component>
          </tr>
        </tbody>
      </table>
      <p v-if="!shown.length" class="empty">{{ nothing }}</p>
    </div>`,
  props: { columns: Array, first: Object, label: String, nothing: String },
  emits: ["sort"],
  data() {
    return { order: this.first.order, rows: Object.fromEntries(this.first.rows.map((row) => [row.id, row])) };
  },
  computed: {
    shown() {
      return this.order.map((id) => this.rows[id]);
    },
  },
  methods: {
    look(col) {
      return [`cell-${col.name}`, { "figure-cell": col.figure }];
    },
    apply({ order, rows }) {
      for (const row of rows) this.rows[row.id] = row;
      if (!order) return;
      this.order = order;
      const kept = new Set(order);
      for (const id of Object.keys(this.rows)) if (!kept.has(id)) delete this.rows[id];
    },
  },
};
