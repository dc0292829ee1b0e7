DROP INDEX "file_hashes_last_referenced";--> statement-breakpoint
ALTER TABLE "agentcache_accounts" ADD COLUMN "reconciled_at" timestamp with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
CREATE INDEX "agentcache_accounts_reconciled" ON "agentcache_accounts" USING btree ("reconciled_at");--> statement-breakpoint
CREATE INDEX "agentcache_accounts_deleted" ON "agentcache_accounts" USING btree ("status_changed_at") WHERE "agentcache_accounts"."status" = 'deleted' AND "agentcache_accounts"."agentcache_email" <> '';--> statement-breakpoint
CREATE INDEX "uploads_ended" ON "uploads" USING btree ("updated_at") WHERE "uploads"."state" IN ('done', 'aborted');--> statement-breakpoint
CREATE INDEX "file_hashes_last_referenced" ON "file_hashes" USING btree ("state","last_referenced_at");